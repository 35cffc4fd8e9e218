#include "tests/support/fault_plan.h"

#include <cerrno>

#include "store/io/system_call.h"
#include "tests/support/system_calls.h"

namespace lastgood::test {

const char* to_string(FaultKind kind) noexcept {
  switch (kind) {
    case FaultKind::kill: return "kill";
    case FaultKind::kill_halfway: return "kill_halfway";
    case FaultKind::io_error: return "io_error";
    case FaultKind::no_space: return "no_space";
    case FaultKind::short_write: return "short_write";
    case FaultKind::failed_sync: return "failed_sync";
  }
  return "unknown";
}

void SystemCalls::kill() {
  const std::lock_guard lock(disk_.mutex());
  killed_ = true;
  disk_.locks().drop_all(this);
}

bool SystemCalls::killed() const {
  const std::lock_guard lock(disk_.mutex());
  return killed_;
}

std::uint64_t SystemCalls::operations() const {
  const std::lock_guard lock(disk_.mutex());
  return operations_;
}

std::optional<std::string> SystemCalls::fault_met() const {
  const std::lock_guard lock(disk_.mutex());
  return fault_met_;
}

void SystemCalls::check_alive() const {
  if (killed_) throw Killed{};
}

void SystemCalls::die() {
  killed_ = true;
  disk_.locks().drop_all(this);
  throw Killed{};
}

bool SystemCalls::is_due() const {
  if (!plan_.fault) return false;
  return operations_ == plan_.fault->at || (plan_.fault->from_then_on && operations_ > plan_.fault->at);
}

bool SystemCalls::applies(FaultKind kind, Operation operation) {
  switch (kind) {
    case FaultKind::short_write: return operation == Operation::write;
    case FaultKind::failed_sync: return operation == Operation::sync;
    case FaultKind::no_space:
      return operation != Operation::read && operation != Operation::unlink && operation != Operation::truncate;
    default: return true;
  }
}

void SystemCalls::pause() {
  struct Unlocked {
    explicit Unlocked(std::mutex& m) : mutex(m) { mutex.unlock(); }
    ~Unlocked() { mutex.lock(); }
    std::mutex& mutex;
  };
  {
    const Unlocked unlocked(disk_.mutex());
    plan_.pause();
  }
  check_alive();
}

SystemCalls::Verdict SystemCalls::begin(Operation operation, const Path& path) {
  static constexpr const char* kNames[] = {"create", "write",  "truncate",       "punch",          "sync",
                                           "remove", "rename", "make_directory", "sync_directory", "read"};
  check_alive();
  if (operation == Operation::read && !plan_.count_reads) return Verdict::proceed;
  if (++operations_ == plan_.pause_at && plan_.pause) pause();
  if (!is_due() || !applies(plan_.fault->kind, operation)) return Verdict::proceed;
  const char* name = kNames[static_cast<std::size_t>(operation)];
  if (!fault_met_) fault_met_ = std::string(name) + " " + path.string();
  switch (plan_.fault->kind) {
    case FaultKind::kill: die();
    case FaultKind::kill_halfway: break;
    case FaultKind::io_error: throw io::errno_error(EIO, name, path);
    case FaultKind::no_space: throw io::errno_error(ENOSPC, name, path);
    case FaultKind::short_write: return Verdict::shorten;
    case FaultKind::failed_sync: return Verdict::drop_dirty;
  }
  // Nothing comes after a read for which its outcome would matter.
  if (operation == Operation::read) die();
  return Verdict::halfway;
}

}  // namespace lastgood::test
