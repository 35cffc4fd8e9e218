// When a simulated process fails, and how.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace lastgood::test {

enum class FaultKind {
  kill,          // the process dies just before the operation takes effect
  kill_halfway,  // it dies before it learns the outcome: half of a write is done, any other operation is done wholly
  io_error,      // EIO, without effect
  no_space,      // ENOSPC, without effect: at what may need space (not at removal; at a sync, as with late allocation)
  short_write,   // write_some writes half; not at SQLite's writes, whose VFS would go on by itself
  failed_sync,   // EIO from a sync of a file, whose dirty blocks are dropped (see simulated_disk.h)
};

inline constexpr FaultKind kFaultKinds[] = {FaultKind::kill,     FaultKind::kill_halfway, FaultKind::io_error,
                                            FaultKind::no_space, FaultKind::short_write,  FaultKind::failed_sync};

const char* to_string(FaultKind kind) noexcept;

struct Fault {
  FaultKind kind = FaultKind::kill;
  std::uint64_t at = 1;       // the number of the operation, from 1
  bool from_then_on = false;  // at every later operation, too, to which the kind applies
};

struct FaultPlan {
  std::optional<Fault> fault;
  bool count_reads = false;  // else only operations that change something are counted, and can fail
  /// What another process does just before operation `pause_at`, once. The disk is free for it; its exceptions pass
  /// through the operation.
  std::uint64_t pause_at = 0;
  std::function<void()> pause = {};
};

/// Thrown by every operation of a killed process. No std::exception: nothing but its scenario should catch it by name.
struct Killed {};

}  // namespace lastgood::test
