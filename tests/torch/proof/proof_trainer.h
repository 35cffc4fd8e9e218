// The pieces of the proof's trainer, each by the name that its command line takes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <torch/torch.h>

#include <lastgood/torch.h>

namespace lastgood::test {

constexpr std::size_t kExamples = 30;
constexpr std::size_t kBatch = 4;

/// Throws std::invalid_argument for a name that it does not know, as all of these do.
std::unique_ptr<torch::optim::Optimizer> make_optimizer(const std::string& name, std::vector<torch::Tensor> parameters);

class Schedule {
 public:
  virtual ~Schedule() = default;
  virtual void step(float loss) = 0;
  virtual void add_to(TrainingState& state) = 0;
};
/// Null for "none".
std::unique_ptr<Schedule> make_schedule(const std::string& name, torch::optim::Optimizer& optimizer);

/// A loader over kExamples examples, and the place in it.
class Data {
 public:
  virtual ~Data() = default;
  virtual Stateful& position() = 0;
  /// The rest of the epoch: `train` a batch, count it as consumed, and go on if `goes_on` says so.
  virtual void loop(const std::function<void(const torch::Tensor&)>& train, const std::function<bool()>& goes_on) = 0;
};
std::unique_ptr<Data> make_data(const std::string& sampler, std::size_t workers);

}  // namespace lastgood::test
