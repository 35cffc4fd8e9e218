// A program that trains a small network with a TrainingRun, as if each object of it were a process of its own.
#pragma once

#include <signal.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <lastgood/history.h>
#include <lastgood/torch/training_run.h>
#include <torch/torch.h>

#include "tests/support/temporary_directory.h"
#include "tests/timeout/fake_machine.h"

namespace lastgood::test {

/// What outlives the processes: the store, the machine, and what was told.
struct World {
  TemporaryDirectory dir;
  FakeMachine machine;
  std::vector<std::string> messages;

  World() { machine.add_process("self", std::chrono::seconds(3600)); }

  TrainingRunOptions options() {
    TrainingRunOptions made;
    made.save_every = 5;
    // Losses of batches of eight differ by half as they like; what fails here is meant to.
    made.monitor.loss_divergence_threshold = made.monitor.gradient_explosion_threshold = 1e9;
    made.timeout.signals = {};
    made.timeout.machine = &machine;
    made.on_message = [this](const std::string& message) { messages.push_back(message); };
    return made;
  }
  bool was_told(const std::string& part) const {
    return std::any_of(messages.begin(), messages.end(),
                       [&](const std::string& message) { return message.find(part) != std::string::npos; });
  }
  /// Newest first.
  std::vector<CheckpointInfo> checkpoints() const { return list_checkpoints(Store::open_read_only(dir / "store")); }
};

/// What is caught by the time limit is handed on to what was there before: here, to nobody.
struct Quiet {
  int number;
  void (*before)(int);
  explicit Quiet(int signal_number) : number(signal_number), before(signal(number, [](int) {})) {}
  ~Quiet() { signal(number, before); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

struct Program {
  World& world;
  at::Generator seeded;  // before the weights are drawn
  torch::nn::Sequential model;
  torch::optim::AdamW optimizer;
  TrainingRun run;
  torch::Tensor loss;

  Program(World& in, TrainingRunOptions options, std::uint64_t seed = 1)
      : world(in),
        seeded((torch::manual_seed(seed), at::globalContext().defaultGenerator(at::kCPU))),
        model(torch::nn::Linear(4, 8), torch::nn::Dropout(0.2), torch::nn::Linear(8, 1)),
        optimizer(model->parameters(), torch::optim::AdamWOptions(1e-2)),
        run(in.dir / "store", model, optimizer, std::move(options)) {}
  explicit Program(World& in, std::uint64_t seed = 1) : Program(in, in.options(), seed) {}

  torch::Tensor& weight() { return model->ptr<torch::nn::LinearImpl>(0)->weight; }

  /// What TrainingRun::after_step() says. Which saves there are must not depend on how long one takes.
  bool step() {
    run.wait_saved();
    const torch::Tensor x = torch::randn({8, 4}).to(weight().scalar_type());
    loss = torch::mse_loss(model->forward(x), x.sum(1, true));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    return run.after_step(loss);
  }
  /// As many steps as it takes to come to `until`, at most so many in all.
  void train(Step until, int at_most = 1000) {
    while (run.goes_on(until) && at_most-- > 0) step();
  }
  void poison() {
    const torch::NoGradGuard no_grad;
    weight().fill_(std::nan(""));
  }
};

}  // namespace lastgood::test
