// A trainer that heals itself, as a user would write it: its monitor watches every step, a recovery undoes what fails.
// It tells what happens in lines of JSON on stdout, one an event. What can go wrong in it is in Mishaps: all of it
// really happens to the training, and neither the monitor nor the recovery is told.
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/torch/recovery.h>
#include <lastgood/torch/stability_monitor.h>

#include "examples/char_transformer.h"
#include "examples/limited_memory.h"

namespace {

using Json = nlohmann::json;
using lastgood::Step;

/// What happens to the training, once in the life of a process: KIND@STEP, after that step.
///   nan           a weight becomes NaN
///   rate          somebody sets the base of the learning rate to 1
///   decay         somebody sets the weight decay to 300
///   double-batch  the batch doubles, with a quarter more memory than was needed so far
///   wait          it waits for a line on stdin, while others do harm
using Mishaps = std::vector<std::string>;

struct Options {
  std::string store;
  std::string run = "demo";
  std::string text = "/usr/share/common-licenses";
  Step steps = 100;
  Step schedule_steps = 100;
  Step save_every = 20;
  double learning_rate = 1e-3;
  std::int64_t seed = 1;
  Mishaps mishaps;
};

void tell(const Json& event) {
  std::cout << event.dump() << std::endl;
}

std::string exact(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

/// A linear warm-up over 50 steps, and a decay by the square root of what is left. The base rate is a part of the
/// state: a recovery cuts it, and a resume finds it cut.
class Schedule : public lastgood::Stateful {
 public:
  Schedule(torch::optim::Optimizer& optimizer, double base, Step steps)
      : optimizer_(optimizer), base_(base), steps_(static_cast<double>(steps)) {}

  /// Before the optimizer's step that is to be the run's `step`. Not a number once the run is longer than the schedule.
  void apply(Step step) {
    const auto done = static_cast<double>(step - 1);
    optimizer_.param_groups()[0].options().set_lr(base_ * std::min(1.0, (done + 1) / 50) *
                                                  std::sqrt(1 - done / steps_));
  }
  double base() const { return base_; }
  void set_base(double rate) { base_ = rate; }
  std::string save_state() const override { return Json(base_).dump(); }
  void load_state(const std::string& json) override { base_ = Json::parse(json).get<double>(); }

 private:
  torch::optim::Optimizer& optimizer_;
  double base_;
  double steps_;
};

/// All that changes while it trains.
struct Training {
  explicit Training(const Options& options)
      : dataset(options.text, shape.context),
        model(shape),
        optimizer(model->parameters(), torch::optim::AdamWOptions(options.learning_rate)),
        schedule(optimizer, options.learning_rate, options.schedule_steps),
        position(std::make_shared<lastgood::DataPosition>(
            *dataset.size(), lastgood::DataOptions{.seed = static_cast<std::uint64_t>(options.seed)})) {
    state.add_module("model", model);
    state.add_optimizer("optimizer", optimizer);
    state.add_scheduler("schedule", schedule);
    state.add_data_position("data", *position);
  }

  auto loader() {
    return torch::data::make_data_loader(
        dataset.map(torch::data::transforms::Stack<>()), lastgood::ResumableSampler(position),
        torch::data::DataLoaderOptions(static_cast<std::size_t>(batch_size)).workers(2));
  }

  /// One step; it is counted when it is done.
  void train_on(const torch::data::Example<>& batch) {
    model->train();
    schedule.apply(step + 1);
    optimizer.zero_grad();
    const torch::Tensor logits = model->forward(batch.data);
    loss = torch::cross_entropy_loss(logits.reshape({-1, logits.size(-1)}), batch.target.reshape({-1}));
    loss.backward();
    optimizer.step();
    ++step;
  }

  lastgood::TrainerKnobs knobs() {
    return {.base_rates = {{"schedule.base", [this] { return schedule.base(); },
                            [this](double rate) { schedule.set_base(rate); }}},
            .batch_size = {"batch", [this] { return batch_size; }, [this](double size) { batch_size = size; }}};
  }

  const demo::TransformerOptions shape;
  demo::TextDataset dataset;
  demo::CharTransformer model;
  torch::optim::AdamW optimizer;
  Schedule schedule;
  std::shared_ptr<lastgood::DataPosition> position;
  lastgood::TrainingState state;
  double batch_size = 16;
  Step step = 0;
  torch::Tensor loss;
};

class Trainer {
 public:
  Trainer(const Options& options, demo::LimitedMemory& memory)
      : options_(options),
        mishaps_(options.mishaps),
        memory_(memory),
        training_(options),
        store_(lastgood::Store::open_or_create(options.store)),
        session_(store_.start_session(options.run)),
        // The run is short, and so must be what it is judged by.
        monitor_({.loss_window = 30}),
        recovery_(store_, session_, recovery_target(store_, session_, training_.state, training_.knobs()),
                  {.probation_steps = 15}) {
    monitor_.bind(session_);
    recovery_.watch(&monitor_);
  }

  /// The process's exit status.
  int run() {
    if (const auto from = recovery_.resume()) {
      training_.step = from->step;
      tell({{"event", "resumed"}, {"checkpoint", from->id.value}, {"step", from->step}});
    }
    while (training_.step < options_.steps) {
      const auto failure = train_until_failure();
      if (failure && !recover(*failure)) return lastgood::kHaltedExitStatus;
    }
    session_.complete();
    tell({{"event", "finished"}, {"step", training_.step}});
    return 0;
  }

 private:
  /// One loop over the loader: up to the epoch's end, another size of the batch, or a failure, which it returns.
  std::optional<std::string> train_until_failure() try {
    const double batch_size = training_.batch_size;
    const auto loader = training_.loader();
    for (const auto& batch : *loader) {
      training_.train_on(batch);
      if (auto failure = check()) return failure;
      training_.position->consumed();
      if (training_.step % options_.save_every == 0) save();
      suffer();
      if (training_.step == options_.steps || training_.batch_size != batch_size) break;
    }
    return std::nullopt;
  } catch (const std::exception& error) {
    if (!lastgood::is_out_of_memory(error)) throw;
    why_ = error.what();
    return "oom";
  }

  std::optional<std::string> check() {
    const double loss = training_.loss.item<double>();
    tell({{"event", "step"}, {"step", training_.step}, {"loss", loss}, {"exact", exact(loss)}});
    const auto metrics = monitor_.check_step(training_.model, training_.loss, training_.optimizer, training_.step);
    auto failure = recovery_.detect_failure(metrics);
    if (failure) why_ = metrics.errors.empty() ? metrics.warnings.front() : metrics.errors.front();
    return failure;
  }

  void save() {
    const Step step = training_.step;
    const auto verdict = stability_of(monitor_.scan_before_save(training_.model, training_.optimizer, step));
    const auto outcome =
        recovery_.save_checkpoint(step, training_.position->epoch(), {{"loss", training_.loss.item<double>()}},
                                  verdict == lastgood::Stability::stable);
    if (!outcome.ok()) return tell({{"event", "save_failed"}, {"step", step}, {"why", outcome.error->what()}});
    tell({{"event", "saved"}, {"step", step}, {"checkpoint", outcome.checkpoint->value}});
  }

  bool recover(const std::string& failure) {
    const Step failed = training_.step;
    const auto result = recovery_.recover(failure, failed, training_.position->epoch());
    if (!result.success) {
      const auto report = recovery_.halt_report();
      tell(
          {{"event", "halted"}, {"action", result.action}, {"report", Json::parse(report ? report->to_json() : "{}")}});
      std::cerr << (report ? report->to_text() : result.action) << std::endl;
      return false;
    }
    training_.step = result.step;
    tell({{"event", "recovered"},
          {"failure", failure},
          {"why", why_.substr(0, why_.find('\n'))},
          {"failed", failed},
          {"action", result.action},
          {"step", result.step},
          {"restored", result.restored ? Json(result.restored->value) : Json()},
          {"batch", training_.batch_size},
          {"rate", training_.schedule.base()}});
    return true;
  }

  /// The mishaps that are due after this step.
  void suffer() {
    const std::string when = "@" + std::to_string(training_.step);
    std::erase_if(mishaps_, [&](const std::string& mishap) {
      const bool is_due = mishap.ends_with(when);
      if (is_due) meet_with(mishap.substr(0, mishap.size() - when.size()));
      return is_due;
    });
  }

  void meet_with(const std::string& mishap) {
    const torch::NoGradGuard no_grad;
    auto& options = static_cast<torch::optim::AdamWOptions&>(training_.optimizer.param_groups()[0].options());
    if (mishap == "nan") training_.model->parameters()[3].view({-1})[17] = std::nan("");
    if (mishap == "rate") training_.schedule.set_base(1);
    if (mishap == "decay") options.weight_decay(300);
    if (mishap == "double-batch") {
      memory_.set_limit(memory_.peak() / 4 * 5);
      training_.batch_size *= 2;
    }
    if (mishap == "wait") {
      tell({{"event", "waiting"}, {"step", training_.step}});
      std::string line;
      std::getline(std::cin, line);
    }
  }

  const Options& options_;
  Mishaps mishaps_;  // that are still to come
  demo::LimitedMemory& memory_;
  Training training_;
  lastgood::Store store_;
  lastgood::Session session_;
  lastgood::StabilityMonitor monitor_;
  lastgood::AutoRecovery recovery_;
  std::string why_;  // of the latest failure
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Trains a small character-level transformer that recovers from failures, some of which can be ordered.");
  app.add_option("--store", options.store, "Directory of the store")->required();
  app.add_option("--run", options.run, "Name of the run");
  app.add_option("--text", options.text, "A file, or a directory of files, to train on");
  app.add_option("--steps", options.steps, "Stop after so many steps");
  app.add_option("--save-every", options.save_every, "Steps between checkpoints");
  app.add_option("--learning-rate", options.learning_rate, "Of AdamW, after 50 steps of warm-up");
  app.add_option("--seed", options.seed, "Of weights, dropout and data order");
  app.add_option("--schedule-steps", options.schedule_steps, "Steps that the learning rate's decay is made for");
  app.add_option("--mishap", options.mishaps, "KIND@STEP, several: what is to happen, and after which step");
  CLI11_PARSE(app, argc, argv);
  try {
    demo::LimitedMemory& memory = demo::LimitedMemory::install();
    torch::manual_seed(static_cast<std::uint64_t>(options.seed));
    torch::set_num_threads(1);  // the same sums in the same order, on any machine
    return Trainer(options, memory).run();
  } catch (const std::exception& error) {
    std::cerr << "recovery_trainer: " << error.what() << '\n';
    return 1;
  }
}
