// Both overloads move the position as the training itself would, batch by batch, so that what is skipped is what would
// have been trained on. The second gives up, and puts the position back, where the order of an epoch is not known yet.
#include <memory>

#include <lastgood/error.h>
#include <lastgood/torch/recovery.h>

namespace lastgood {

void skip_batches(DataPosition& position, std::int64_t batches, std::int64_t batch_size) {
  if (batch_size <= 0) {
    throw Error(ErrorCode::invalid_argument, "batch size", "Batches of no examples cannot be skipped.");
  }
  // A loop of its own, in which nothing is trained on; the position's owner keeps it.
  ResumableSampler sampler(std::shared_ptr<DataPosition>(std::shared_ptr<void>(), &position));
  sampler.reset();
  for (std::int64_t i = 0; i < batches; ++i) {
    if (!sampler.next(static_cast<std::size_t>(batch_size)).has_value()) {
      sampler.reset();
      sampler.next(static_cast<std::size_t>(batch_size));
    }
    position.consumed();
  }
}

bool skip_batches(SamplerPosition& position, std::int64_t batches) {
  const auto go_on = [&position] {
    if (position.needs_order() || !position.next()) return false;
    position.consumed();
    return true;
  };
  position.begin_loop();
  const SamplerPosition before = position;
  for (std::int64_t i = 0; i < batches; ++i) {
    if (go_on()) continue;
    position = before;
    return false;
  }
  position.begin_loop();
  return true;
}

}  // namespace lastgood
