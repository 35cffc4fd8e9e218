// A trainer on a TrainingRun whose sessions end in every way there is. It tells what happens in lines of JSON on
// stdout, one an event. examples/session_demo.py runs it and reads them.
#include <cstdio>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <lastgood/torch/training_run.h>

#include "examples/char_transformer.h"

namespace {

using Json = nlohmann::json;

struct Options {
  std::string store;
  std::string text = "/usr/share/common-licenses";
  std::int64_t steps = 200;
  std::int64_t save_every = 50;
  std::uint64_t keep_last = 5;
  double session_seconds = 0;
  double grace_seconds = 30;
  double drain_seconds = 5;
  std::string aws_metadata;
};

constexpr double kHour = 3600;
constexpr std::size_t kBatch = 16;
constexpr double kRate = 1e-3;
constexpr std::int64_t kWarmup = 50;

/// One line, at once, also from other threads.
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

lastgood::TrainingRunOptions run_options(const Options& options) {
  lastgood::TrainingRunOptions made;
  made.run = "demo";
  made.save_every = options.save_every;
  made.recovery.keep_last = options.keep_last;
  if (options.session_seconds > 0) made.timeout.session_duration_hours = options.session_seconds / kHour;
  made.timeout.signal_grace_seconds = options.grace_seconds;
  made.timeout.drain_seconds = options.drain_seconds;
  if (!options.aws_metadata.empty()) {
    made.timeout.sources.push_back(lastgood::aws_spot_notice(*made.timeout.machine, options.aws_metadata));
  }
  made.on_message = [](const std::string& message) { tell({{"event", "message"}, {"text", message}}); };
  return made;
}

class Trainer {
 public:
  explicit Trainer(const Options& options)
      : options_(options),
        dataset_(options.text, shape_.context),
        model_(shape_),
        optimizer_(model_->parameters(), torch::optim::AdamWOptions(kRate)),
        warmup_(optimizer_, kRate, kWarmup),
        position_(std::make_shared<lastgood::DataPosition>(*dataset_.size(), lastgood::DataOptions{.seed = 1})),
        run_(options.store, state(), run_options(options)) {
    if (const auto& from = run_.resumed()) {
      tell({{"event", "resumed"}, {"checkpoint", from->checkpoint.value}, {"step", from->step}});
    }
  }

  int train() {
    auto loader = torch::data::make_data_loader(dataset_.map(torch::data::transforms::Stack<>()),
                                                lastgood::ResumableSampler(position_),
                                                torch::data::DataLoaderOptions(kBatch).workers(2));
    while (run_.goes_on(options_.steps)) {
      for (auto& batch : *loader) {
        if (!train_on(batch)) break;
      }
    }
    const int status = run_.finish();
    tell({{"event", "ended"}, {"step", run_.step()}, {"status", status}});
    return status;
  }

 private:
  lastgood::TrainingState state() {
    lastgood::TrainingState made;
    made.add_module("model", model_);
    made.add_optimizer("optimizer", optimizer_);
    made.add_scheduler("warmup", warmup_);
    made.add_data_position("data", *position_);
    return made;
  }

  bool train_on(const torch::data::Example<>& batch) {
    warmup_.step();
    optimizer_.zero_grad();
    const torch::Tensor logits = model_->forward(batch.data);
    const torch::Tensor loss =
        torch::cross_entropy_loss(logits.reshape({-1, logits.size(-1)}), batch.target.reshape({-1}));
    loss.backward();
    optimizer_.step();
    position_->consumed();
    const double value = loss.item<double>();
    tell({{"event", "step"}, {"step", run_.step() + 1}, {"loss", value}, {"exact", exact(value)}});
    return run_.after_step(loss);
  }

  const Options& options_;
  const demo::TransformerOptions shape_;
  demo::TextDataset dataset_;
  demo::CharTransformer model_;
  torch::optim::AdamW optimizer_;
  demo::Warmup warmup_;
  std::shared_ptr<lastgood::DataPosition> position_;
  lastgood::TrainingRun run_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Trains a small character-level transformer in sessions that end.");
  app.add_option("--store", options.store, "Directory of the store")->required();
  app.add_option("--text", options.text, "A file, or a directory of files, to train on");
  app.add_option("--steps", options.steps, "Stop after so many steps");
  app.add_option("--save-every", options.save_every, "Steps between checkpoints");
  app.add_option("--keep-last", options.keep_last, "Checkpoints to keep; 0: all");
  app.add_option("--session-seconds", options.session_seconds, "How long the session lasts; 0: nobody knows");
  app.add_option("--grace-seconds", options.grace_seconds, "Between SIGTERM and the end");
  app.add_option("--drain-seconds", options.drain_seconds, "What ending takes, after the last save");
  app.add_option("--aws-metadata", options.aws_metadata, "Where AWS tells that it takes the machine; empty: nowhere");
  CLI11_PARSE(app, argc, argv);
  try {
    torch::manual_seed(1);
    torch::set_num_threads(1);  // the same sums in the same order, on any machine
    return Trainer(options).train();
  } catch (const std::exception& error) {
    std::cerr << "session_trainer: " << error.what() << '\n';
    return 1;
  }
}
