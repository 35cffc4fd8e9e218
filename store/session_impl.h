// The inside of a Session. Has a connection to the catalog of its own: a commit of its saves must not wait for
// somebody's long question on the store's. Members are ordered by who uses whom; the queue, whose thread uses all, goes
// first.
//
// After a fork the child has a copy of all this and may use none of it: the queue's thread, the locks and the database
// connection are the parent's. `process` tells the two apart.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include <lastgood/session.h>

#include "store/save_job.h"
#include "store/save_queue.h"
#include "store/store_impl.h"
#include "store/telemetry_log.h"

namespace lastgood {

struct Session::Impl {
  StoreImpl& store;
  std::string run;
  RunId run_id;
  SessionId id;
  pid_t process;  // that started it
  bool ended = false;
  std::unique_ptr<catalog::Catalog> catalog;
  std::unique_ptr<io::FileLock> run_lock;
  io::PackReader reader;
  pipeline::BlobIndex index;
  pipeline::StagingArena arena;
  std::unique_ptr<SaveContext> context;
  std::unique_ptr<TelemetryLog> telemetry;
  // Held over the call of a save and over a rollback, not while a save runs.
  std::mutex order;  // of save calls
  std::weak_ptr<SaveHandle::State> latest;
  SaveQueue queue;  // ends first: its saves use all of the above

  Impl(StoreImpl& in, std::string name, const SessionOptions& options);
  /// Throws where the session cannot be used any more. Error: invalid_argument after its end, or in a child after fork.
  void check_usable() const;
  /// Begins a save and copies what `staging` asks for; without staging (save()), the save copies as it goes. What is
  /// wrong with the request is the outcome's error.
  std::shared_ptr<SaveHandle::State> start(std::span<const TensorView> state, const SaveRequest& request,
                                           std::optional<Staging> staging, SaveCallback callback);
  /// Once; later calls do nothing. Waits for saves under way.
  void end(SessionState state);
  /// Runs `action`, and tells what it throws as a warning that begins with `what`.
  template <class Action>
  void warn_of_failure(const char* what, const Action& action) const noexcept;
  /// These two run on the queue's thread.
  void note_cost(SaveHandle::State& save) noexcept;
  void write_telemetry() noexcept;
  template <class Record>
  void note(const Record& record) noexcept;
};

}  // namespace lastgood
