// What a scenario was promised: the measure of every check after a fault.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/tensor.h>

#include "tests/support/bytes.h"

namespace lastgood::test {

/// What a checkpoint holds: entries of dtype `bytes` by name.
using Contents = std::map<std::string, Bytes>;

/// Entries by name and seed; the name decides the size: "u" 68 KiB (two chunks), "w" 16 KiB, "v" 3 KiB, "b" 300 bytes.
Contents contents(const std::map<std::string, std::uint64_t>& seeds);
/// Views into `contents`, which must outlive them.
std::vector<TensorView> views(const Contents& contents);

/// Checkpoints go by their step, which is unique in the whole store: ids change in a rebuild.
struct Ledger {
  Step next_step = 1;
  std::map<Step, Contents> given;               // every state that a save was ever asked for
  std::set<Step> acknowledged;                  // durable by its outcome, and nobody has asked to forget it
  std::map<std::string, std::set<Step>> heads;  // where each run's head may be
};

}  // namespace lastgood::test
