// A tiny trainer that kills itself, for the proof that a resume is exact. Each line of stdin is the options of one run,
// which gets a process of its own: a fork of this one, since to start a program that links LibTorch takes half a
// second. A run saves every other step, and prints
//   resumed STEP DIGEST DIGEST   the checkpoint's digest, and that of the state which was restored from it, saved anew
//   loss STEP LOSS               to the bit
//   final DIGEST                 of the last save
//   ended STATUS                 by whom it was forked: the signal, negated, that killed it
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include <lastgood/session.h>
#include <lastgood/store.h>

#include "tests/torch/proof/proof_trainer.h"

namespace lastgood::test {
namespace {

struct Options {
  std::string store;
  std::string optimizer = "adamw";
  std::string scheduler = "none";
  std::string sampler = "position";
  std::size_t workers = 0;
  Step steps = 12;
  Step kill_at = 0;
  bool once_durable = false;
};

torch::nn::Sequential make_model() {
  return torch::nn::Sequential(torch::nn::Linear(4, 8), torch::nn::BatchNorm1d(8), torch::nn::ReLU(),
                               torch::nn::Dropout(0.25), torch::nn::Linear(8, 1));
}

class Trainer {
 public:
  Trainer(const Options& options, Session& session)
      : options_(options),
        session_(session),
        model_(make_model()),
        optimizer_(make_optimizer(options.optimizer, model_->parameters())),
        schedule_(make_schedule(options.scheduler, *optimizer_)),
        data_(make_data(options.sampler, options.workers)) {
    state_.add_module("model", model_);
    state_.add_optimizer("optimizer", *optimizer_);
    if (schedule_) schedule_->add_to(state_);
    state_.add_data_position("data", data_->position());
  }

  void resume(const Store& store) {
    const auto from = session_.resume([&](const CheckpointInfo& checkpoint) { state_.restore(store, checkpoint.id); });
    if (!from) return;
    step_ = from->step;
    const SaveOutcome again = session_.save(state_.capture().views(), {.step = step_});
    again.value();
    std::printf("resumed %lld %s %s\n", static_cast<long long>(step_), from->digest.hex().c_str(),
                again.digest.hex().c_str());
  }

  void run() {
    while (step_ < options_.steps) {
      data_->loop([this](const torch::Tensor& batch) { train(batch); }, [this] { return save_and_go_on(); });
    }
    const SaveOutcome last = session_.save(state_.capture().views(), {.step = step_});
    last.value();
    std::printf("final %s\n", last.digest.hex().c_str());
  }

 private:
  void train(const torch::Tensor& batch) {
    const torch::Tensor x = torch::stack({batch, batch * batch, 1 - batch, batch - 0.5}, 1);
    const torch::Tensor loss = optimizer_->step([&] {
      optimizer_->zero_grad();
      torch::Tensor error = torch::mse_loss(model_->forward(x).squeeze(1), 3 * batch);
      error.backward();
      return error;
    });
    const auto value = loss.item<float>();
    if (schedule_) schedule_->step(value);
    std::printf("loss %lld %a\n", static_cast<long long>(++step_), static_cast<double>(value));
    // What is lost with the process is the state alone, not what it has told.
    std::fflush(stdout);
  }

  bool save_and_go_on() {
    if (step_ % 2 == 0) save_ = session_.save_async(state_.capture().views(), {.step = step_});
    if (step_ == options_.kill_at) {
      if (options_.once_durable && save_) save_->wait_durable().value();
      std::raise(SIGKILL);
    }
    return step_ < options_.steps;
  }

  const Options& options_;
  Session& session_;
  torch::nn::Sequential model_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  std::unique_ptr<Schedule> schedule_;
  std::unique_ptr<Data> data_;
  TrainingState state_;
  std::optional<SaveHandle> save_;
  Step step_ = 0;
};

void run(const Options& options) {
  Store store = Store::open_or_create(options.store);
  Session session = store.start_session("proof");
  // Weights and noise of a resumed run come from the checkpoint, or the proof fails.
  torch::manual_seed(session.head() ? 99 : 1);
  torch::set_num_threads(1);
  Trainer trainer(options, session);
  trainer.resume(store);
  trainer.run();
  session.complete();
}

/// A process's whole life: returns its exit status, unless it is killed.
int run_line(const std::string& line) {
  Options options;
  CLI::App app("Options of one run.");
  app.add_option("--store", options.store, "Directory of the store")->required();
  app.add_option("--optimizer", options.optimizer, "sgd, adam, adamw, rmsprop, adagrad or lbfgs");
  app.add_option("--scheduler", options.scheduler, "none, step, plateau or own");
  app.add_option("--sampler", options.sampler,
                 "position, random, sequential, stream, distributed-random or distributed-sequential");
  app.add_option("--workers", options.workers, "Of the loader");
  app.add_option("--steps", options.steps, "Stop after so many");
  app.add_option("--kill-at", options.kill_at, "SIGKILL after that step, in the middle of its save if it has one");
  app.add_flag("--once-durable", options.once_durable, "SIGKILL once the save under way is durable");
  try {
    app.parse(line);
    run(options);
  } catch (const std::exception& error) {
    std::cerr << "proof_trainer: " << line << ": " << error.what() << '\n';
    return 1;
  }
  std::fflush(stdout);
  return 0;
}

}  // namespace
}  // namespace lastgood::test

int main() {
  // The forking process itself must own no thread, so it does nothing but this.
  for (std::string line; std::getline(std::cin, line);) {
    const pid_t child = fork();
    if (child == 0) _exit(lastgood::test::run_line(line));
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
      std::perror("proof_trainer");
      return 1;
    }
    std::printf("ended %d\n", WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
    std::fflush(stdout);
  }
  return 0;
}
