// A tiny trainer on a TrainingRun, for whoever kills it. Each line of stdin is "STORE STEPS" and starts one trainer in
// a process of its own: a fork of this one, since to start a program that links LibTorch takes half a second. Prints
//   started PID     at once
//   step STEP       after each step, by the trainer
//   ended STATUS    by whom it was forked: the exit status, or the signal, negated, that killed it
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include <lastgood/history.h>
#include <lastgood/torch/training_run.h>
#include <torch/torch.h>

namespace lastgood::test {
namespace {

class Trainer {
 public:
  explicit Trainer(const std::string& store) : run_(store, state(), options()) {}

  int train(Step steps) {
    while (run_.goes_on(steps)) {
      ResumableSampler sampler(position_);  // a new loop over the data
      sampler.reset();
      while (const auto batch = sampler.next(8)) {
        if (!step(*batch)) break;
      }
    }
    return run_.finish();
  }

 private:
  static TrainingRunOptions options() {
    TrainingRunOptions made;
    made.run = "soak";
    made.save_every = 5;
    made.session.threads = 1;
    // Two losses that differ by half are nothing in batches of eight: no recovery shall mix with the kills.
    made.monitor.loss_divergence_threshold = made.monitor.gradient_explosion_threshold = 1e9;
    made.on_message = [](const std::string& message) { std::fprintf(stderr, "%s\n", message.c_str()); };
    return made;
  }

  TrainingState state() {
    TrainingState made;
    made.add_module("model", model_);
    made.add_optimizer("optimizer", optimizer_);
    made.add_scheduler("schedule", schedule_);
    made.add_data_position("data", *position_);
    return made;
  }

  bool step(const std::vector<std::size_t>& batch) {
    std::vector<float> values(batch.begin(), batch.end());
    const torch::Tensor x = torch::tensor(values).unsqueeze(1) / 100;
    const torch::Tensor loss = torch::mse_loss(model_->forward(x), 3 * x + 0.01 * torch::randn_like(x));
    optimizer_.zero_grad();
    loss.backward();
    optimizer_.step();
    schedule_.step();
    position_->consumed();
    const bool goes_on = run_.after_step(loss);
    std::printf("step %lld\n", static_cast<long long>(run_.step()));
    std::fflush(stdout);
    return goes_on;
  }

  torch::nn::Sequential model_{torch::nn::Linear(1, 8), torch::nn::Dropout(0.1), torch::nn::Linear(8, 1)};
  torch::optim::AdamW optimizer_{model_->parameters(), torch::optim::AdamWOptions(1e-3)};
  torch::optim::StepLR schedule_{optimizer_, 500, 0.8};
  std::shared_ptr<DataPosition> position_ = std::make_shared<DataPosition>(100, DataOptions{.seed = 3});
  TrainingRun run_;
};

/// A process's whole life: returns its exit status, unless it is killed.
int run_line(const std::string& line) try {
  std::istringstream words(line);
  std::string store;
  Step steps = 0;
  words >> store >> steps;
  // Weights and noise of a resumed run come from its checkpoint, or the soak fails.
  torch::manual_seed(list_checkpoints(Store::open_or_create(store), {.limit = 1}).empty() ? 1 : 99);
  torch::set_num_threads(1);
  return Trainer(store).train(steps);
} catch (const std::exception& error) {
  std::fprintf(stderr, "soak_trainer: %s: %s\n", line.c_str(), error.what());
  return 1;
}

}  // namespace
}  // namespace lastgood::test

int main() {
  // The forking process itself must own no thread, so it does nothing but this.
  for (std::string line; std::getline(std::cin, line);) {
    const pid_t child = fork();
    if (child == 0) {
      const int status = lastgood::test::run_line(line);
      std::fflush(nullptr);
      _exit(status);
    }
    std::printf("started %d\n", static_cast<int>(child));
    std::fflush(stdout);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
      std::perror("soak_trainer");
      return 1;
    }
    std::printf("ended %d\n", WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
    std::fflush(stdout);
  }
  return 0;
}
