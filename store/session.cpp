// Joining a run, step by step:
//   1. Commit the run's row, durably, since its id names the lock.
//   2. Take the run's lock, without waiting: one trainer at a time.
//   3. In one durable commit: sessions of the run that are still open have crashed, as their lock is free; add a
//      session, and a branch that grows from the head.
//
// Leaving it: wait for saves under way; commit the telemetry that is left together with the session's end; and only
// then let go of the lock, or the next trainer would take this session for crashed.
//
// What a cut leaves: after 1, a run without a session, which every later trainer of that name takes up; after 2, the
// same, since the kernel lets go of the lock; after 3, an open session that the next one marks as crashed. Leaving is
// one commit: a cut before it is a crash by definition, and after it nothing is missing.
//
// Locks are taken in one order everywhere: locks/store (shared), then a run's, then a save's, then the catalog's
// transaction. Only the first and the last are ever waited for, each for StoreOptions::busy_timeout at most.
#include "store/session_impl.h"

#include <unistd.h>

#include <utility>

#include "store/catalog/checkpoints.h"
#include "store/catalog/runs.h"
#include "store/holder.h"
#include "store/paths.h"
#include "store/pipeline/parallel.h"
#include "store/quarantine.h"
#include "store/query.h"

namespace lastgood {
namespace {

constexpr std::uint64_t kLeastChunk = 64 * 1024;
// A whole number of elements of every dtype, and of pages.
constexpr std::uint64_t kChunkStep = 4096;
constexpr std::size_t kSlotsPerThread = 4;  // one at work, and room for copies that wait for their pins

/// At least the size from which payloads are aligned, at most what a frame can hold.
void check_options(const SessionOptions& options) {
  const std::uint64_t chunk = options.chunk_bytes;
  if (chunk < kLeastChunk || chunk > format::kMaxPayload || chunk % kChunkStep != 0) {
    throw Error(ErrorCode::invalid_argument, "chunk_bytes",
                "SessionOptions::chunk_bytes is " + std::to_string(chunk) +
                    ": it must be a multiple of 4096 between 64 KiB and 64 MiB");
  }
}

/// Asked anew: what was the parent when the checkpoint was listed may be forgotten by now, its children joined to an
/// older one. Ids grow along a lineage; a parent that is not older would be a loop in a damaged catalog.
std::optional<CheckpointInfo> parent_of(StoreImpl& store, const CheckpointInfo& listed) {
  return query(store, [&](catalog::Connection& db) -> std::optional<CheckpointInfo> {
    const auto info = catalog::find_checkpoint(db, listed.id);
    const auto parent = info ? info->parent : listed.parent;
    return parent && *parent < listed.id ? catalog::find_checkpoint(db, *parent) : std::nullopt;
  });
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace

Session::Impl::Impl(StoreImpl& in, std::string name, const SessionOptions& options)
    : store(in),
      run(std::move(name)),
      process(getpid()),
      reader(*in.files, paths::blobs(in.directory)),
      arena(options.chunk_bytes, options.staging_bytes != 0 ? options.staging_bytes : pipeline::default_staging_bytes(),
            kSlotsPerThread * pipeline::thread_count(options.threads)),
      queue([this](SaveHandle::State& save) { note_cost(save); }, [this] { write_telemetry(); }) {
  store.use_for_writing();
  catalog = store.connect();
  catalog->write(catalog::Durability::durable,
                 [&](catalog::Connection& db) { run_id = catalog::find_or_create_run(db, run); });
  const auto lock_path = paths::run_lock(store.directory, run_id);
  run_lock = store.files->try_lock(lock_path, io::LockMode::exclusive);
  if (!run_lock) {
    throw Error(ErrorCode::busy, run,
                "run '" + run + "' is being trained by " + describe_holder(*store.files, lock_path) +
                    ": one trainer at a time; end that one, or give this run another name");
  }
  sign(*run_lock);
  const catalog::NewSession session{run_id, format::Uuid::random(), process, host_name()};
  catalog::BranchId branch;
  catalog->write(catalog::Durability::durable, [&](catalog::Connection& db) {
    id = catalog::begin_session(db, session);
    branch = catalog::begin_branch(db, id, catalog::head(db, run_id));
  });
  telemetry = std::make_unique<TelemetryLog>(*catalog, branch);
  context = std::make_unique<SaveContext>(
      SaveContext{store, *catalog, reader, index, arena, *telemetry, run, run_id, id, session.uuid, options});
}

void Session::Impl::check_usable() const {
  store.use_for_writing();
  if (ended) {
    throw Error(ErrorCode::invalid_argument, run, "the session of run '" + run + "' has ended: start a new one");
  }
}

std::shared_ptr<SaveHandle::State> Session::Impl::start(std::span<const TensorView> state, const SaveRequest& request,
                                                        std::optional<Staging> staging, SaveCallback callback) {
  auto save = std::make_shared<SaveHandle::State>();
  save->called = SaveJob::Clock::now();
  save->threads = pipeline::thread_count(context->options.threads);
  save->callback = std::move(callback);
  save->step = request.step;
  save->kind = request.kind;
  if (process != getpid()) {  // a child after fork: the queue's thread is the parent's
    SaveOutcome refused;
    refused.error = Error(ErrorCode::invalid_argument, run,
                          "the session of run '" + run + "' was started before fork(): start another in the child");
    // Here and not on the queue's thread, which the child does not have.
    save->finish(std::move(refused));
    return save;
  }
  save->block([&] {
    const std::lock_guard lock(order);
    // The earlier one's copies come first: both take their memory from one arena.
    if (const auto earlier = latest.lock()) SaveHandle(earlier).wait_staged();
    latest = save;
    try {
      check_usable();
      save->job = std::make_shared<SaveJob>(*context, state, request);
      save->job->copy_first(staging == Staging::at_capture);
    } catch (const Error& error) {
      save->outcome.error = error;
    } catch (const std::exception& error) {
      save->outcome.error = Error(ErrorCode::internal, run, std::string("the save could not begin: ") + error.what());
    }
    // Held here: the save may end, and drop its own, before this thread has staged anything.
    const std::shared_ptr<SaveJob> job = save->job;
    // Also a save that has failed already: outcomes come in the order of the calls.
    queue.push(save);
    if (job && staging == Staging::at_capture) job->staged().stage_all(save->threads);
    if (job && staging == Staging::overlapped) job->staged().stage_captured();
  });
  return save;
}

/// `ended` is set before the commit: a session whose end could not be recorded is over all the same, and its lock goes
/// with the object.
void Session::Impl::end(SessionState state) {
  queue.drain();
  if (std::exchange(ended, true)) return;
  TelemetryLog::Batch batch(*telemetry);
  catalog->write(catalog::Durability::durable, [&](catalog::Connection& db) {
    batch.insert(db);
    catalog::end_session(db, id, state);
  });
  // Not before: an exception puts the records back.
  batch.written();
  run_lock.reset();
}

Session::Session(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;

Session& Session::operator=(Session&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Session::~Session() {
  if (!impl_) return;
  if (impl_->process != getpid()) {
    static_cast<void>(impl_.release());  // a child after fork: threads, locks and database are the parent's
    return;
  }
  try {
    impl_->end(SessionState::interrupted);
  } catch (const std::exception& error) {
    // The next session of the run will find this one open and its process gone, and call it crashed.
    impl_->store.warn("the end of the session of run '" + impl_->run + "' could not be recorded: " + error.what());
  }
}

SessionId Session::id() const noexcept {
  return impl_->id;
}
const std::string& Session::run() const noexcept {
  return impl_->run;
}

std::optional<CheckpointInfo> Session::head() const {
  return query(impl_->store, [&](catalog::Connection& db) {
    const auto id = catalog::head(db, impl_->run_id);
    return id ? catalog::find_checkpoint(db, *id) : std::nullopt;
  });
}

/// Ends: each round goes to an older id (see parent_of), and a lineage is finite.
std::optional<CheckpointInfo> Session::resume(const RestoreFn& restore, const SkippedFn& skipped) {
  std::optional<CheckpointInfo> candidate = head();
  const std::optional<CheckpointInfo> first = candidate;
  while (candidate) {
    try {
      restore(*candidate);
      break;
    } catch (const Error& error) {
      // A state that does not fit, or a full disk, is no reason to go back in time.
      if (!tells_of_damage(error)) throw;
      if (skipped) skipped(*candidate, error);
      candidate = parent_of(impl_->store, *candidate);
      if (!candidate) throw;
    }
  }
  // After the restore: a head that was moved before it would lose the way back if the restore failed.
  if (candidate && candidate->id != first->id) rollback(candidate->id);
  return candidate;
}

/// Through the queue, too, so that its place among asynchronous saves is that of the call.
SaveOutcome Session::save(std::span<const TensorView> state, const SaveRequest& request) noexcept {
  const auto save = impl_->start(state, request, std::nullopt, {});
  SaveOutcome outcome = SaveHandle(save).wait_durable();
  outcome.blocked = outcome.durable;
  return outcome;
}

SaveHandle Session::save_async(std::span<const TensorView> state, const SaveRequest& request, Staging staging,
                               SaveCallback callback) noexcept {
  return SaveHandle(impl_->start(state, request, staging, std::move(callback)));
}

/// `order` keeps a save of another thread from being called between the drain and the commit: it would grow from the
/// old head and move it back.
void Session::rollback(CheckpointId checkpoint) {
  const std::lock_guard lock(impl_->order);
  // Saves under way were called before, and each moves the head when it commits.
  impl_->queue.drain();
  impl_->check_usable();
  TelemetryLog::Batch batch(*impl_->telemetry);  // of the branch that ends here
  catalog::BranchId branch;
  impl_->catalog->write(catalog::Durability::durable, [&](catalog::Connection& db) {
    batch.insert(db);
    catalog::set_head(db, impl_->run_id, checkpoint);
    branch = catalog::begin_branch(db, impl_->id, checkpoint);
  });
  batch.written();
  impl_->telemetry->go_on_with(branch);
}

void Session::complete() {
  impl_->check_usable();
  impl_->end(SessionState::completed);
}

Session Store::start_session(const std::string& run, const SessionOptions& options) {
  check_options(options);
  return Session(std::make_unique<Session::Impl>(*impl_, run, options));
}

Session Store::start_session(const std::string& run) {
  return start_session(run, SessionOptions{});
}

}  // namespace lastgood
