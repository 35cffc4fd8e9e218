#include <stdexcept>
#include <utility>

#include "tests/torch/proof/proof_trainer.h"

namespace lastgood::test {
namespace {

namespace samplers = torch::data::samplers;

/// A batch is what was asked for: the examples' numbers, below 1.
struct Examples : torch::data::datasets::BatchDataset<Examples, torch::Tensor> {
  torch::Tensor get_batch(torch::ArrayRef<std::size_t> indices) override {
    std::vector<float> values;
    for (const std::size_t index : indices) values.push_back(static_cast<float>(index) / kExamples);
    return torch::tensor(values);
  }
  torch::optional<std::size_t> size() const override { return kExamples; }
};

/// The same of a stream, which is told no more than how many are wanted.
struct Stream : torch::data::datasets::BatchDataset<Stream, torch::Tensor, samplers::BatchSize> {
  torch::Tensor get_batch(samplers::BatchSize size) override {
    return torch::arange(static_cast<std::int64_t>(size.size()), torch::kFloat) / static_cast<double>(size.size());
  }
  torch::optional<std::size_t> size() const override { return kExamples; }
};

template <class Dataset, class Sampler, class Position>
class LoadedData : public Data {
 public:
  LoadedData(std::shared_ptr<Position> position, Sampler sampler, std::size_t workers)
      : position_(std::move(position)),
        loader_(torch::data::make_data_loader(Dataset(), std::move(sampler),
                                              torch::data::DataLoaderOptions(kBatch).workers(workers))) {}

  Stateful& position() override { return *position_; }

  void loop(const std::function<void(const torch::Tensor&)>& train, const std::function<bool()>& goes_on) override {
    for (auto& batch : *loader_) {
      train(batch);
      position_->consumed();
      if (!goes_on()) return;
    }
  }

 private:
  std::shared_ptr<Position> position_;
  std::unique_ptr<torch::data::StatelessDataLoader<Dataset, Sampler>> loader_;
};

template <class Inner, class Dataset = Examples, class... Arguments>
std::unique_ptr<Data> resumable(std::size_t workers, Arguments... arguments) {
  auto position = std::make_shared<SamplerPosition>();
  return std::make_unique<LoadedData<Dataset, Resumable<Inner>, SamplerPosition>>(
      position, Resumable<Inner>(position, arguments...), workers);
}

}  // namespace

std::unique_ptr<Data> make_data(const std::string& sampler, std::size_t workers) {
  constexpr std::size_t kReplicas = 2;
  constexpr std::size_t kRank = 1;
  if (sampler == "position") {
    auto position = std::make_shared<DataPosition>(kExamples, DataOptions{.seed = 7});
    return std::make_unique<LoadedData<Examples, ResumableSampler, DataPosition>>(position, ResumableSampler(position),
                                                                                  workers);
  }
  if (sampler == "random") return resumable<samplers::RandomSampler>(workers, std::int64_t{kExamples});
  if (sampler == "sequential") return resumable<samplers::SequentialSampler>(workers, kExamples);
  if (sampler == "stream") return resumable<samplers::StreamSampler, Stream>(workers, kExamples);
  if (sampler == "distributed-random") {
    return resumable<samplers::DistributedRandomSampler>(workers, kExamples, kReplicas, kRank);
  }
  if (sampler == "distributed-sequential") {
    return resumable<samplers::DistributedSequentialSampler>(workers, kExamples, kReplicas, kRank);
  }
  throw std::invalid_argument("no sampler " + sampler);
}

}  // namespace lastgood::test
