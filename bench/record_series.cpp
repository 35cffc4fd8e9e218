// Records what real trainings look like to a monitor: losses and gradient norms, with failures that really happened in
// them. bench/series/ holds what it wrote; the monitor's back-test reads that.
//
// usage: record_series DIRECTORY
//
// Three trainings: a small transformer and an LSTM that predict the characters of /usr/share/common-licenses, and a
// perceptron that learns a function with a little noise, whose loss comes to lie near its floor. Each leaves two files:
//
//   NAME.bad_batches   one run; about one batch in 100 is bad: characters at random, or targets ten times too large
//   NAME.diverging     eight runs; at a random step the learning rate becomes 300 times what it was, for good
//
// A line is a step: its number (a run begins at 0), loss, norm of all gradients, and 1 where the failure acts.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "examples/char_transformer.h"

namespace {

constexpr std::int64_t kContext = 32;
constexpr std::int64_t kBatch = 16;
constexpr int kLongRun = 2000, kShortRun = 500;
constexpr int kCalm = 200;  // steps before the first failure, and at least between two of one run

/// A model that is trained, anew for each run.
class Task {
 public:
  virtual ~Task() = default;
  virtual torch::nn::Module& model() = 0;
  /// The loss of one batch at random.
  virtual torch::Tensor loss(bool bad_batch) = 0;
};

using MakeTask = std::function<std::unique_ptr<Task>()>;

/// Shared by all tasks: the text is read once.
demo::TextDataset& licences() {
  static demo::TextDataset text("/usr/share/common-licenses", kContext);
  return text;
}

class CharacterTask : public Task {
 public:
  torch::Tensor loss(bool bad_batch) override {
    const auto picked = torch::randint(static_cast<std::int64_t>(*licences().size()), {kBatch}, torch::kInt64);
    std::vector<torch::Tensor> inputs, targets;
    for (std::int64_t i = 0; i < kBatch; ++i) {
      const auto example = licences().get(static_cast<std::size_t>(picked[i].item<std::int64_t>()));
      inputs.push_back(example.data);
      targets.push_back(example.target);
    }
    torch::Tensor batch = torch::stack(inputs), expected = torch::stack(targets);
    if (bad_batch) expected = torch::randint_like(expected, 256);
    const torch::Tensor logits = predict(batch);
    return torch::cross_entropy_loss(logits.reshape({-1, logits.size(-1)}), expected.reshape({-1}));
  }

 private:
  /// Logits [batch, context, characters] for characters [batch, context].
  virtual torch::Tensor predict(const torch::Tensor& batch) = 0;
};

class TransformerTask : public CharacterTask {
 public:
  torch::nn::Module& model() override { return *model_; }

 private:
  torch::Tensor predict(const torch::Tensor& batch) override { return model_->forward(batch); }

  demo::CharTransformer model_{demo::TransformerOptions{.context = kContext, .width = 64, .layers = 2}};
};

struct CharLstmImpl : torch::nn::Module {
  CharLstmImpl() {
    embedding = register_module("embedding", torch::nn::Embedding(256, 64));
    lstm = register_module("lstm", torch::nn::LSTM(torch::nn::LSTMOptions(64, 128).batch_first(true)));
    head = register_module("head", torch::nn::Linear(128, 256));
  }
  torch::Tensor forward(const torch::Tensor& characters) {
    return head->forward(std::get<0>(lstm->forward(embedding->forward(characters))));
  }
  torch::nn::Embedding embedding{nullptr};
  torch::nn::LSTM lstm{nullptr};
  torch::nn::Linear head{nullptr};
};
TORCH_MODULE(CharLstm);

class LstmTask : public CharacterTask {
 public:
  torch::nn::Module& model() override { return *model_; }

 private:
  torch::Tensor predict(const torch::Tensor& batch) override { return model_->forward(batch); }

  CharLstm model_;
};

class RegressionTask : public Task {
 public:
  torch::nn::Module& model() override { return *model_; }

  torch::Tensor loss(bool bad_batch) override {
    const torch::Tensor x = torch::randn({64, 2});
    torch::Tensor y = torch::sin(2 * x.prod(1, true)) + 0.02 * torch::randn({64, 1});
    if (bad_batch) y = 10 * y;
    return torch::mse_loss(model_->forward(x), y);
  }

 private:
  torch::nn::Sequential model_{torch::nn::Linear(2, 64), torch::nn::Tanh(), torch::nn::Linear(64, 64),
                               torch::nn::Tanh(), torch::nn::Linear(64, 1)};
};

enum class Spoiled { batch, learning_rate };

/// One run: `fails(step)` tells where a failure acts, `spoiled` upon what.
void record(std::ofstream& out, Task& task, int steps, Spoiled spoiled, const std::function<bool(int)>& fails) {
  constexpr double kRate = 2e-3;
  torch::optim::AdamW optimizer(task.model().parameters(), torch::optim::AdamWOptions(kRate));
  for (int step = 0; step < steps; ++step) {
    const bool failing = fails(step);
    if (spoiled == Spoiled::learning_rate && failing) {
      static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups().front().options()).lr(300 * kRate);
    }
    optimizer.zero_grad();
    const torch::Tensor loss = task.loss(spoiled == Spoiled::batch && failing);
    loss.backward();
    double squares = 0;
    for (const torch::Tensor& parameter : task.model().parameters()) {
      squares += parameter.grad().to(torch::kFloat64).square().sum().item<double>();
    }
    optimizer.step();
    char line[96];
    std::snprintf(line, sizeof line, "%d %.5g %.5g %d\n", step, loss.item<double>(), std::sqrt(squares), failing);
    out << line;
  }
}

void record_bad_batches(const std::filesystem::path& file, const MakeTask& make) {
  std::ofstream out(file);
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> chance(0, 1);
  int last = 0;
  const auto task = make();
  record(out, *task, kLongRun, Spoiled::batch, [&](int step) {
    const bool bad = step - last >= kCalm / 2 && step >= kCalm && chance(random) < 0.02;
    if (bad) last = step;
    return bad;
  });
}

void record_diverging(const std::filesystem::path& file, const MakeTask& make) {
  std::ofstream out(file);
  std::mt19937_64 random(11);
  for (int run = 0; run < 8; ++run) {
    const int onset = std::uniform_int_distribution<int>(kCalm, kShortRun - 150)(random);
    const auto task = make();
    record(out, *task, kShortRun, Spoiled::learning_rate, [&](int step) { return step >= onset; });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: record_series DIRECTORY\n");
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  const std::pair<const char*, MakeTask> tasks[] = {{"transformer", [] { return std::make_unique<TransformerTask>(); }},
                                                    {"lstm", [] { return std::make_unique<LstmTask>(); }},
                                                    {"regression", [] { return std::make_unique<RegressionTask>(); }}};
  for (const auto& [name, make] : tasks) {
    torch::manual_seed(1);
    record_bad_batches(directory / (std::string(name) + ".bad_batches"), make);
    record_diverging(directory / (std::string(name) + ".diverging"), make);
  }
  return 0;
}
