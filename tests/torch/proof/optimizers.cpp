#include <stdexcept>
#include <utility>

#include "tests/torch/proof/proof_trainer.h"

namespace lastgood::test {
namespace {

using Parameters = std::vector<torch::Tensor>;
using Made = std::unique_ptr<torch::optim::Optimizer>;

class StepLR : public Schedule {
 public:
  explicit StepLR(torch::optim::Optimizer& optimizer) : schedule_(optimizer, 2, 0.9) {}
  void step(float) override { schedule_.step(); }
  void add_to(TrainingState& state) override { state.add_scheduler("schedule", schedule_); }

 private:
  torch::optim::StepLR schedule_;
};

class Plateau : public Schedule {
 public:
  explicit Plateau(torch::optim::Optimizer& optimizer)
      : schedule_(optimizer, {.factor = 0.7F, .patience = 1, .threshold = 0.05, .cooldown = 1}) {}
  void step(float loss) override { schedule_.step(loss); }
  void add_to(TrainingState& state) override { state.add_scheduler("schedule", schedule_); }

 private:
  ReduceLROnPlateau schedule_;
};

/// A user's own: the rate rises and falls with a period of five steps, and by the loss of the step before.
class Own : public Schedule, public Stateful {
 public:
  explicit Own(torch::optim::Optimizer& optimizer) : optimizer_(optimizer) {}
  void step(float loss) override {
    const double factor = ++steps_ % 5 < 3 ? 1.1 : 0.8;
    for (auto& group : optimizer_.param_groups()) {
      group.options().set_lr(group.options().get_lr() * (loss < last_loss_ ? factor : 0.95));
    }
    last_loss_ = loss;
  }
  void add_to(TrainingState& state) override { state.add_scheduler("schedule", *this); }
  std::string save_state() const override {
    return "[" + std::to_string(steps_) + "," + std::to_string(c10::detail::fp32_to_bits(last_loss_)) + "]";
  }
  void load_state(const std::string& json) override {
    const std::size_t comma = json.find(',');
    steps_ = std::stoi(json.substr(1));
    last_loss_ = c10::detail::fp32_from_bits(static_cast<std::uint32_t>(std::stoul(json.substr(comma + 1))));
  }

 private:
  torch::optim::Optimizer& optimizer_;
  int steps_ = 0;
  float last_loss_ = 0;
};

}  // namespace

Made make_optimizer(const std::string& name, Parameters parameters) {
  namespace optim = torch::optim;
  if (name == "sgd") {
    return std::make_unique<optim::SGD>(std::move(parameters),
                                        optim::SGDOptions(0.05).momentum(0.9).nesterov(true).weight_decay(0.01));
  }
  if (name == "adam")
    return std::make_unique<optim::Adam>(std::move(parameters), optim::AdamOptions(0.02).amsgrad(true));
  if (name == "adamw") return std::make_unique<optim::AdamW>(std::move(parameters), optim::AdamWOptions(0.02));
  if (name == "rmsprop") {
    return std::make_unique<optim::RMSprop>(std::move(parameters),
                                            optim::RMSpropOptions(0.01).centered(true).momentum(0.5));
  }
  if (name == "adagrad") {
    return std::make_unique<optim::Adagrad>(std::move(parameters), optim::AdagradOptions(0.05).lr_decay(0.1));
  }
  if (name == "lbfgs") {
    return std::make_unique<optim::LBFGS>(std::move(parameters), optim::LBFGSOptions(0.1).max_iter(3).history_size(4));
  }
  throw std::invalid_argument("no optimizer " + name);
}

std::unique_ptr<Schedule> make_schedule(const std::string& name, torch::optim::Optimizer& optimizer) {
  if (name == "none") return nullptr;
  if (name == "step") return std::make_unique<StepLR>(optimizer);
  if (name == "plateau") return std::make_unique<Plateau>(optimizer);
  if (name == "own") return std::make_unique<Own>(optimizer);
  throw std::invalid_argument("no scheduler " + name);
}

}  // namespace lastgood::test
