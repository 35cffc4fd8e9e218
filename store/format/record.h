// The record: what a checkpoint is besides its contents. One frame each, never shared; JSON, for readers elsewhere, and
// enough to make the catalog anew. Grammar: store/FORMAT.md. No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>

#include "store/format/uuid.h"

namespace lastgood::format {

struct Record {
  Uuid checkpoint;                 // names the checkpoint across rebuilds
  std::optional<Uuid> parent;
  Uuid session;
  std::string run;
  Step step = 0;
  std::int64_t epoch = 0;
  CheckpointKind kind = CheckpointKind::regular;
  Stability stability = Stability::unknown;   // as known at the save
  std::int64_t created_at_ms = 0;
  std::int64_t sequence = 0;       // order of the saves of a store: greater than that of every earlier checkpoint
  BlobHash manifest;
  std::uint64_t bytes_new = 0;
  std::vector<std::pair<std::string, double>> metrics;  // sorted by name; non-finite ones survive
  std::string metadata = "{}";
  bool operator==(const Record&) const = default;
};

std::vector<std::byte> encode(const Record& record);
/// Throws Error(corruption | unsupported_version).
Record decode_record(std::span<const std::byte> bytes);

}  // namespace lastgood::format
