#include "examples/char_transformer.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace demo {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
  } else {
    files.push_back(path);
  }
  std::string text;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + file.string());
    text.append(std::istreambuf_iterator<char>(stream), {});
  }
  return text;
}

}  // namespace

TextDataset::TextDataset(const std::filesystem::path& path, std::int64_t context) : context_(context) {
  const std::string text = read_text(path);
  text_ = torch::empty({static_cast<std::int64_t>(text.size())}, torch::kInt64);
  std::transform(text.begin(), text.end(), text_.data_ptr<std::int64_t>(),
                 [](char c) { return static_cast<std::int64_t>(static_cast<unsigned char>(c)); });
  if (*size() == 0) throw std::runtime_error("the text at " + path.string() + " is too short to train on");
}

torch::data::Example<> TextDataset::get(std::size_t index) {
  const std::int64_t start = static_cast<std::int64_t>(index) * context_;
  return {text_.slice(0, start, start + context_), text_.slice(0, start + 1, start + context_ + 1)};
}

torch::optional<std::size_t> TextDataset::size() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(text_.numel() - 1, 0) / context_);
}

CharTransformerImpl::CharTransformerImpl(const TransformerOptions& options) {
  embedding_ = register_module("embedding", torch::nn::Embedding(options.characters, options.width));
  positions_ = register_parameter("positions", torch::randn({options.context, 1, options.width}) * 0.02);
  mask_ = register_buffer("mask", torch::nn::TransformerImpl::generate_square_subsequent_mask(options.context));
  const torch::nn::TransformerEncoderLayer layer(torch::nn::TransformerEncoderLayerOptions(options.width, options.heads)
                                                     .dim_feedforward(4 * options.width)
                                                     .dropout(options.dropout));
  encoder_ = register_module("encoder", torch::nn::TransformerEncoder(layer, options.layers));
  torch::nn::init::normal_(embedding_->weight, 0.0, 0.02);
}

torch::Tensor CharTransformerImpl::forward(const torch::Tensor& characters) {
  const torch::Tensor embedded = embedding_(characters.transpose(0, 1)) + positions_;
  const torch::Tensor encoded = encoder_(embedded, mask_);
  return torch::linear(encoded, embedding_->weight).transpose(0, 1);
}

Warmup::Warmup(torch::optim::AdamW& optimizer, double rate, std::int64_t steps)
    : optimizer_(optimizer), rate_(rate), steps_(steps) {}

void Warmup::step() {
  ++done_;
  const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(steps_));
  for (auto& group : optimizer_.param_groups()) {
    static_cast<torch::optim::AdamWOptions&>(group.options()).lr(rate_ * share);
  }
}

std::string Warmup::save_state() const {
  return nlohmann::json{{"done", done_}}.dump();
}

void Warmup::load_state(const std::string& json) {
  done_ = nlohmann::json::parse(json).at("done").get<std::int64_t>();
}

}  // namespace demo
