// What the catalog says of a checkpoint, a run and a session. Plain values, snapshots of the moment of the query: they
// own what they hold, outlive the store, and may be out of date as soon as they are there. Safe from any thread.
//
// The functions named to_string() give a word that never changes ("regular"), in memory that is never freed; "unknown"
// for a value that is none of the enumerators.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/tensor.h>

namespace lastgood {

/// Why a checkpoint was written: by the trainer's schedule, since its time or its process was about to end, because
/// somebody asked for it, or by import_safetensors(). For people: nothing is decided by it.
enum class CheckpointKind : std::uint8_t { regular = 0, emergency = 1, manual = 2, imported = 3 };
const char* to_string(CheckpointKind kind) noexcept;

/// The monitor's verdict on that very state. `unknown` until somebody has judged it. A recovery goes back to stable
/// ones alone, and the newest stable one of a run is never collected.
enum class Stability : std::uint8_t { unknown = 0, stable = 1, unstable = 2 };
const char* to_string(Stability stability) noexcept;

/// How a session ended: by Session::complete(), by its destructor (interrupted), or neither. `crashed` is found out by
/// whoever comes next: its process is gone and it never said goodbye. Until then it still counts as open.
enum class SessionState : std::uint8_t { open = 0, completed = 1, interrupted = 2, crashed = 3 };
const char* to_string(SessionState state) noexcept;

/// One committed checkpoint. Its contents never change; its stability, pin, tags, and whether it is a head or intact,
/// may. Once it was forgotten, its id finds nothing, and is given to no other.
struct CheckpointInfo {
  CheckpointId id;
  std::string run;
  SessionId session;
  /// The head at the time of the save; nothing for the first of a run. Where that one is forgotten, its own parent
  /// takes its place.
  std::optional<CheckpointId> parent;
  /// As the trainer counts them; steps do not have to grow from one checkpoint to the next.
  Step step = 0;
  std::int64_t epoch = 0;
  CheckpointKind kind = CheckpointKind::regular;
  Stability stability = Stability::unknown;
  bool is_head = false;
  bool pinned = false;
  /// False once damage was found in a blob that it needs. By what is known; a save of the same content, or a verify()
  /// that finds the blob right, sets it back.
  bool intact = true;
  std::int64_t created_at_ms = 0;  // milliseconds since 1970, UTC; for people: nothing is decided by it
  /// Of names, dtypes, shapes and contents: equal states have equal digests. Also of ties, of the order of entries and
  /// of the chunk size. Metrics, step and metadata are not in it.
  BlobHash digest;
  /// Tied ones count each.
  std::uint64_t entries = 0;
  std::uint64_t bytes_logical = 0;  // sum of the entries' bytes (tied ones once)
  /// What its save added to the packs, headers included. Not what forgetting it would free: see bytes_unique().
  std::uint64_t bytes_new = 0;
  std::map<std::string, double> metrics;  // finite or not, as given
  /// A JSON object, as given. Not interpreted, but for what import_safetensors() adds under the key "imported".
  std::string metadata = "{}";
  std::vector<std::string> tags;  // sorted
};

/// One run: a training effort with a name. It is made by its first session and never goes away.
struct RunInfo {
  RunId id;
  std::string name;
  /// The checkpoint that the next resume continues from, and the parent of the next save; nothing before the first.
  std::optional<CheckpointId> head;
  /// On all branches.
  std::uint64_t checkpoints = 0;
  std::uint64_t sessions = 0;
  std::int64_t created_at_ms = 0;
};

/// One process's stay in a run. One that a rebuild brought back from the packs is `interrupted`, of pid 0 and an empty
/// host.
struct SessionInfo {
  SessionId id;
  std::string run;
  SessionState state = SessionState::open;
  /// On `host`, for people: nothing is decided by it. Whether it lives is told by the run's lock alone.
  std::int64_t pid = 0;
  std::string host;
  std::int64_t started_at_ms = 0;
  /// Nothing while it is open, and where nobody wrote its end down: after a crash, or a rebuild.
  std::optional<std::int64_t> ended_at_ms;
  std::optional<CheckpointId> resumed_from;  // the head when it began
  std::uint64_t checkpoints = 0;             // still in the store
};

}  // namespace lastgood
