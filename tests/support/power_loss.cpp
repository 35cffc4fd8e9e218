#include "tests/support/power_loss.h"

namespace lastgood::test {

const char* to_string(PowerLoss loss) noexcept {
  switch (loss) {
    case PowerLoss::lose_unsynced: return "lose_unsynced";
    case PowerLoss::only_entries: return "only_entries";
    case PowerLoss::zero_contents: return "zero_contents";
    case PowerLoss::stale_contents: return "stale_contents";
    case PowerLoss::lose_entries: return "lose_entries";
    case PowerLoss::random_subset: return "random_subset";
    case PowerLoss::keep_everything: return "keep_everything";
  }
  return "unknown";
}

bool LossDecider::entry_survives() {
  if (loss_ == PowerLoss::random_subset) return random_() % 2 == 0;
  return loss_ != PowerLoss::lose_unsynced && loss_ != PowerLoss::lose_entries;
}

bool LossDecider::size_survives() {
  if (loss_ == PowerLoss::random_subset) return random_() % 2 == 0;
  return loss_ != PowerLoss::lose_unsynced && loss_ != PowerLoss::only_entries;
}

LossDecider::Block LossDecider::block() {
  switch (loss_) {
    case PowerLoss::lose_unsynced:
    case PowerLoss::only_entries:
    case PowerLoss::stale_contents: return Block::stale;
    case PowerLoss::zero_contents: return Block::zero;
    case PowerLoss::lose_entries:
    case PowerLoss::keep_everything: return Block::written;
    case PowerLoss::random_subset: break;
  }
  const auto drawn = random_() % 8;
  if (drawn == 0) return Block::zero;
  return drawn % 2 == 0 ? Block::stale : Block::written;
}

}  // namespace lastgood::test
