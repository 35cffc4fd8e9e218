// The record: what a checkpoint is besides its contents. One frame each, never shared; JSON, for readers elsewhere, and
// enough to make the catalog anew. Grammar: store/FORMAT.md. No I/O. Pure functions, safe from any thread.
//
// It says what was known at the save and is never written again: later verdicts, tags and pins are in the catalog
// alone.
//
// Numbers are JSON's, so byte order is no matter; integers are read as such, beyond 2^53 too. A record of a higher
// format is unsupported_version, an unknown key is passed over: new keys alone need no new format.
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

/// Caps: of a record's frame, of its metadata, and of the nesting of JSON in either.
inline constexpr std::size_t kMaxRecordBytes = 4u << 20;
inline constexpr std::size_t kMaxMetadataBytes = 1u << 20;
inline constexpr int kMaxJsonDepth = 64;

/// `parent` was the run's head at the save. Uuids instead of row ids: rows are numbered anew by every rebuild.
struct Record {
  Uuid checkpoint;  // names the checkpoint across rebuilds
  std::optional<Uuid> parent;
  Uuid session;
  std::string run;
  Step step = 0;
  std::int64_t epoch = 0;
  CheckpointKind kind = CheckpointKind::regular;
  Stability stability = Stability::unknown;  // as known at the save
  std::int64_t created_at_ms = 0;
  std::int64_t sequence = 0;  // order of the saves of a store: greater than that of every earlier checkpoint
  BlobHash manifest;
  std::uint64_t bytes_new = 0;
  std::vector<std::pair<std::string, double>> metrics;  // sorted by name; non-finite ones survive
  std::string metadata = "{}";
  bool operator==(const Record&) const = default;
};

/// Checks what the caller of a save gave, before any byte is written: names of run and metrics, step, metadata.
/// Throws Error(invalid_argument).
void check_record(const Record& record);

/// Throws Error(invalid_argument) where check_record() would.
std::vector<std::byte> encode(const Record& record);
/// Throws Error(corruption | unsupported_version).
Record decode_record(std::span<const std::byte> bytes);

}  // namespace lastgood::format
