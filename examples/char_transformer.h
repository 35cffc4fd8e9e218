// A small character-level transformer, its text and its warm-up schedule: what the demo trains.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/torch.h>

#include <lastgood/torch.h>

namespace demo {

/// Overlapping pieces of a text: inputs [context] and, one character on, targets [context], int64 bytes.
class TextDataset : public torch::data::datasets::Dataset<TextDataset> {
 public:
  /// All regular files under `path`, in the order of their names, or the one file that it is.
  TextDataset(const std::filesystem::path& path, std::int64_t context);
  torch::data::Example<> get(std::size_t index) override;
  torch::optional<std::size_t> size() const override;

 private:
  std::int64_t context_;
  torch::Tensor text_;  // int64 [characters]
};

struct TransformerOptions {
  std::int64_t context = 64;
  std::int64_t width = 128;
  std::int64_t layers = 3;
  std::int64_t heads = 4;
  double dropout = 0.1;
  std::int64_t characters = 256;  // how many there are
};

/// Logits [batch, context, characters] for inputs [batch, context]; the embedding is also the output layer.
class CharTransformerImpl : public torch::nn::Module {
 public:
  explicit CharTransformerImpl(const TransformerOptions& options);
  torch::Tensor forward(const torch::Tensor& characters);

 private:
  torch::nn::Embedding embedding_{nullptr};
  torch::Tensor positions_;  // [context, 1, width]
  torch::Tensor mask_;       // a buffer: [context, context]
  torch::nn::TransformerEncoder encoder_{nullptr};
};
TORCH_MODULE(CharTransformer);

/// Raises the learning rate linearly to its full value, then leaves it there.
class Warmup : public lastgood::Stateful {
 public:
  Warmup(torch::optim::AdamW& optimizer, double rate, std::int64_t steps);
  /// Before each step of the optimizer.
  void step();
  std::string save_state() const override;
  void load_state(const std::string& json) override;

 private:
  torch::optim::AdamW& optimizer_;
  double rate_;
  std::int64_t steps_;
  std::int64_t done_ = 0;
};

}  // namespace demo
