// What a power loss may leave of the things that were not synced.
#pragma once

#include <array>
#include <cstdint>
#include <random>

namespace lastgood::test {

/// What was synced survives under each of these. A file system may do any of them with the rest.
enum class PowerLoss {
  lose_unsynced,    // nothing that was not synced is left
  only_entries,     // names are there, of files with their old sizes and contents
  zero_contents,    // names and sizes are there; what was written reads as zeros
  stale_contents,   // names and sizes are there; blocks hold what they held before
  lose_entries,     // contents and sizes are there; names are as they were
  random_subset,    // each block, size and name goes its own way, by the seed
  keep_everything,  // as if all had been synced
};

inline constexpr std::array kPowerLosses = {
    PowerLoss::lose_unsynced, PowerLoss::only_entries,  PowerLoss::zero_contents,   PowerLoss::stale_contents,
    PowerLoss::lose_entries,  PowerLoss::random_subset, PowerLoss::keep_everything,
};

const char* to_string(PowerLoss loss) noexcept;

/// Decides, one unsynced thing after the other, what becomes of it. Equal seeds decide equally.
class LossDecider {
 public:
  enum class Block { written, stale, zero };

  LossDecider(PowerLoss loss, std::uint64_t seed) : loss_(loss), random_(seed) {}

  bool entry_survives();
  bool size_survives();
  Block block();

 private:
  PowerLoss loss_;
  std::mt19937_64 random_;
};

}  // namespace lastgood::test
