// A trainer as a user would write it: it resumes by itself, checkpoints as it goes, and tells what happens in lines of
// JSON on stdout, one an event. `./dev demo` runs it, kills it, and reads them.
#include <cmath>
#include <cstdio>
#include <iostream>
#include <limits>
#include <memory>
#include <mutex>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/torch.h>

#include "examples/char_transformer.h"

namespace {

using Json = nlohmann::json;

struct Options {
  std::string store;
  std::string run = "demo";
  std::string text = "/usr/share/common-licenses";
  std::int64_t steps = 200;
  std::int64_t save_every = 25;
  std::int64_t batch = 16;
  double learning_rate = 1e-3;
  std::int64_t seed = 1;
};

/// One line, at once, also from the thread on which a save ends.
void tell(const Json& event) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::cout << event.dump() << std::endl;
}

std::string exact(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

/// Judges a checkpoint by the mean loss since the one before: more than half above the lowest so far is not stable.
/// A stand-in for the monitor's verdict.
class Judge : public lastgood::Stateful {
 public:
  void observe(double loss) {
    sum_ += loss;
    ++count_;
  }
  lastgood::Stability verdict() {
    const double mean = sum_ / count_;
    sum_ = count_ = 0;
    const bool stable = std::isfinite(mean) && mean <= 1.5 * lowest_;
    if (stable) lowest_ = std::min(lowest_, mean);
    return stable ? lastgood::Stability::stable : lastgood::Stability::unstable;
  }
  std::string save_state() const override { return Json(lowest_ < 1e300 ? lowest_ : -1).dump(); }
  void load_state(const std::string& json) override {
    const double lowest = Json::parse(json).get<double>();
    lowest_ = lowest < 0 ? std::numeric_limits<double>::infinity() : lowest;
    sum_ = count_ = 0;
  }

 private:
  double lowest_ = std::numeric_limits<double>::infinity();
  double sum_ = 0;
  double count_ = 0;
};

void tell_saved(lastgood::Step step, const lastgood::SaveOutcome& outcome) {
  if (!outcome.ok()) return tell({{"event", "save_failed"}, {"step", step}, {"why", outcome.error->what()}});
  tell({{"event", "saved"},
        {"step", step},
        {"checkpoint", outcome.checkpoint->value},
        {"digest", outcome.digest.hex()},
        {"bytes_logical", outcome.bytes_logical},
        {"bytes_new", outcome.bytes_new},
        {"durable_ms", static_cast<double>(outcome.durable.count()) / 1e6}});
}

class Trainer {
 public:
  explicit Trainer(const Options& options)
      : options_(options),
        dataset_(options.text, shape_.context),
        model_(shape_),
        optimizer_(model_->parameters(), torch::optim::AdamWOptions(options.learning_rate)),
        warmup_(optimizer_, options.learning_rate, 50),
        position_(std::make_shared<lastgood::DataPosition>(
            *dataset_.size(), lastgood::DataOptions{.seed = static_cast<std::uint64_t>(options.seed)})) {
    state_.add_module("model", model_);
    state_.add_optimizer("optimizer", optimizer_);
    state_.add_scheduler("warmup", warmup_);
    state_.add_scheduler("judge", judge_);
    state_.add_data_position("data", *position_);
  }

  void run() {
    lastgood::Store store = lastgood::Store::open_or_create(options_.store);
    lastgood::Session session = store.start_session(options_.run);
    const auto from =
        session.resume([&](const lastgood::CheckpointInfo& checkpoint) { state_.restore(store, checkpoint.id); },
                       [&](const lastgood::CheckpointInfo& checkpoint, const lastgood::Error& why) {
                         tell({{"event", "passed_over"},
                               {"checkpoint", checkpoint.id.value},
                               {"step", checkpoint.step},
                               {"why", why.what()}});
                       });
    if (from) {
      step_ = from->step;
      tell({{"event", "resumed"}, {"checkpoint", from->id.value}, {"step", step_}});
    }
    train(session);
    session.complete();
    tell({{"event", "finished"}, {"step", step_}});
  }

 private:
  void train(lastgood::Session& session) {
    auto loader = torch::data::make_data_loader(
        dataset_.map(torch::data::transforms::Stack<>()), lastgood::ResumableSampler(position_),
        torch::data::DataLoaderOptions(static_cast<std::size_t>(options_.batch)).workers(2));
    while (step_ < options_.steps) {
      for (auto& batch : *loader) {
        train_on(batch);
        position_->consumed();
        if (step_ % options_.save_every == 0 || step_ == options_.steps) save(session);
        if (step_ == options_.steps) break;
      }
    }
  }

  void train_on(const torch::data::Example<>& batch) {
    model_->train();
    warmup_.step();
    optimizer_.zero_grad();
    const torch::Tensor logits = model_->forward(batch.data);
    const torch::Tensor loss =
        torch::cross_entropy_loss(logits.reshape({-1, logits.size(-1)}), batch.target.reshape({-1}));
    loss.backward();
    optimizer_.step();
    ++step_;
    loss_ = loss.item<double>();
    judge_.observe(loss_);
    tell({{"event", "step"}, {"step", step_}, {"loss", loss_}, {"exact", exact(loss_)}});
  }

  void save(lastgood::Session& session) {
    const lastgood::SaveRequest request{
        .step = step_, .epoch = position_->epoch(), .stability = judge_.verdict(), .metrics = {{"loss", loss_}}};
    tell({{"event", "saving"}, {"step", step_}});
    const lastgood::Capture capture = state_.capture();
    const lastgood::Step step = step_;
    const auto start = std::chrono::steady_clock::now();
    session.save_async(capture.views(), request, lastgood::Staging::at_capture,
                       [step](const lastgood::SaveOutcome& outcome) { tell_saved(step, outcome); });
    const std::chrono::duration<double, std::milli> blocked = std::chrono::steady_clock::now() - start;
    tell({{"event", "staged"}, {"step", step_}, {"blocked_ms", blocked.count()}});
  }

  const Options& options_;
  const demo::TransformerOptions shape_;
  demo::TextDataset dataset_;
  demo::CharTransformer model_;
  torch::optim::AdamW optimizer_;
  demo::Warmup warmup_;
  Judge judge_;
  std::shared_ptr<lastgood::DataPosition> position_;
  lastgood::TrainingState state_;
  lastgood::Step step_ = 0;
  double loss_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Trains a small character-level transformer, checkpointing into a Lastgood store.");
  app.add_option("--store", options.store, "Directory of the store")->required();
  app.add_option("--run", options.run, "Name of the run");
  app.add_option("--text", options.text, "A file, or a directory of files, to train on");
  app.add_option("--steps", options.steps, "Stop after so many steps");
  app.add_option("--save-every", options.save_every, "Steps between checkpoints");
  app.add_option("--learning-rate", options.learning_rate, "Of AdamW, after 50 steps of warm-up");
  app.add_option("--seed", options.seed, "Of weights, dropout and data order");
  CLI11_PARSE(app, argc, argv);
  try {
    torch::manual_seed(static_cast<std::uint64_t>(options.seed));
    torch::set_num_threads(1);  // the same sums in the same order, on any machine
    Trainer(options).run();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "demo_trainer: " << error.what() << '\n';
    return 1;
  }
}
