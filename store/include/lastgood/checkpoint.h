// What the catalog says of a checkpoint, a run and a session. Plain values, snapshots of the moment of the query.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/tensor.h>

namespace lastgood {

/// Why a checkpoint was written.
enum class CheckpointKind : std::uint8_t { regular = 0, emergency = 1, manual = 2, imported = 3 };
const char* to_string(CheckpointKind kind) noexcept;

/// The monitor's verdict on that very state. `unknown` until somebody has judged it.
enum class Stability : std::uint8_t { unknown = 0, stable = 1, unstable = 2 };
const char* to_string(Stability stability) noexcept;

/// How a session ended. `crashed` is found out by whoever comes next: its process is gone and it never said goodbye.
enum class SessionState : std::uint8_t { open = 0, completed = 1, interrupted = 2, crashed = 3 };
const char* to_string(SessionState state) noexcept;

/// One committed checkpoint.
struct CheckpointInfo {
  CheckpointId id;
  std::string run;
  SessionId session;
  std::optional<CheckpointId> parent;  // the head at the time of the save; nothing for the first of a run
  Step step = 0;
  std::int64_t epoch = 0;
  CheckpointKind kind = CheckpointKind::regular;
  Stability stability = Stability::unknown;
  bool is_head = false;
  bool pinned = false;
  bool intact = true;              // false once damage was found in a blob that it needs
  std::int64_t created_at_ms = 0;  // milliseconds since 1970, UTC; for people: nothing is decided by it
  BlobHash digest;                 // of names, dtypes, shapes and contents: equal states have equal digests
  std::uint64_t entries = 0;
  std::uint64_t bytes_logical = 0;        // sum of the entries' bytes (tied ones once)
  std::uint64_t bytes_new = 0;            // what its save added to the packs, headers included
  std::map<std::string, double> metrics;  // finite or not, as given
  std::string metadata = "{}";            // a JSON object, as given
  std::vector<std::string> tags;          // sorted
};

/// One run: a training effort with a name.
struct RunInfo {
  RunId id;
  std::string name;
  std::optional<CheckpointId> head;
  std::uint64_t checkpoints = 0;
  std::uint64_t sessions = 0;
  std::int64_t created_at_ms = 0;
};

/// One process's stay in a run.
struct SessionInfo {
  SessionId id;
  std::string run;
  SessionState state = SessionState::open;
  std::int64_t pid = 0;  // on `host`, for people: nothing is decided by it
  std::string host;
  std::int64_t started_at_ms = 0;
  std::optional<std::int64_t> ended_at_ms;
  std::optional<CheckpointId> resumed_from;  // the head when it began
  std::uint64_t checkpoints = 0;             // still in the store
};

}  // namespace lastgood
