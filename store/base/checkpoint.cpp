#include <lastgood/checkpoint.h>

namespace lastgood {

// These words are stored in records, shown by the public views and read back from both: one that was given out never
// changes. A value that is none of them can only come from a cast; "unknown" keeps a message about it readable. No
// default branch on purpose: the compiler names every switch that a new enumerator has been left out of.
const char* to_string(CheckpointKind kind) noexcept {
  switch (kind) {
    case CheckpointKind::regular: return "regular";
    case CheckpointKind::emergency: return "emergency";
    case CheckpointKind::manual: return "manual";
    case CheckpointKind::imported: return "imported";
  }
  return "unknown";
}

const char* to_string(Stability stability) noexcept {
  switch (stability) {
    case Stability::unknown: return "unknown";
    case Stability::stable: return "stable";
    case Stability::unstable: return "unstable";
  }
  return "unknown";
}

const char* to_string(SessionState state) noexcept {
  switch (state) {
    case SessionState::open: return "open";
    case SessionState::completed: return "completed";
    case SessionState::interrupted: return "interrupted";
    case SessionState::crashed: return "crashed";
  }
  return "unknown";
}

}  // namespace lastgood
