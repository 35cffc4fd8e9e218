// One process at work in a store: does what a scenario says, and writes into the ledger what it was promised.
#pragma once

#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include <lastgood/gc.h>
#include <lastgood/history.h>
#include <lastgood/session.h>
#include <lastgood/store.h>

#include "store/store_impl.h"
#include "tests/fault/harness/ledger.h"
#include "tests/support/process.h"

namespace lastgood::test {

inline constexpr const char* kStore = "/store";

/// An invariant that does not hold, in words.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Way { synchronous, at_capture, overlapped };

/// Waits for nobody: in one thread, whoever is in the way will not go.
StoreOptions impatient();
/// One thread and small chunks: the order of operations is the same in every run.
SessionOptions deterministic(std::uint64_t chunk_bytes = 64 * 1024);
/// The checkpoint of that step, if it is listed.
std::optional<CheckpointInfo> listed(const Store& store, Step step);

/// Members throw what the library throws, but a save only tells. Process and ledger must outlive the actor.
class Actor {
 public:
  Actor(Process& process, Ledger& ledger, OpenMode mode = OpenMode::open);
  Actor(Process& process, Ledger& ledger, Store store);

  const Store& store() const { return store_; }
  void start(const std::string& run, std::uint64_t chunk_bytes = 64 * 1024);
  Session& session() { return *session_; }
  /// The memory of an asynchronous save is spoilt as soon as it may be.
  SaveOutcome save(const Contents& contents, Way way = Way::synchronous);
  /// The outcome of a save that nothing but `busy` may refuse.
  void save_surely(const Contents& contents, Way way = Way::synchronous);
  void complete();
  void forget(const std::set<Step>& steps);
  /// From outside of a session, or by the session that is open.
  void rollback(const std::string& run, Step step);
  GcReport collect();

 private:
  CheckpointId id_of(Step step) const;

  Process& process_;
  Ledger& ledger_;
  Store store_;
  std::optional<Session> session_;
};

}  // namespace lastgood::test
