// A session: one process's stay in a run, and the only way to write checkpoints.
//
//   lastgood::Store store = lastgood::Store::open_or_create("lastgood-store");
//   lastgood::Session session = store.start_session("gpt2-small");
//   auto from = session.resume([&](const lastgood::CheckpointInfo& c) { lastgood::load(store, c.id, slots); });
//   lastgood::Step step = from ? from->step : 0;
//   ...
//   lastgood::SaveOutcome saved = session.save(views, {.step = step});
//
// Calls on one session may come from any thread; saves of one session happen one after the other, in call order.
// Ends `interrupted` when it is destroyed (an asynchronous save under way is finished first), `completed` after
// complete(), and is recognised as `crashed` by the next one otherwise.
//
// One trainer at a time: the session holds the run's lock from its start to its end, and the kernel frees it however
// the process dies. Not to be used in a child after fork: calls throw invalid_argument there, and the destructor does
// nothing. Errors of all that write, besides those named: busy (another process held the catalog for longer than
// StoreOptions::busy_timeout), no_space, io, permission.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <lastgood/checkpoint.h>
#include <lastgood/save.h>
#include <lastgood/store.h>
#include <lastgood/telemetry.h>
#include <lastgood/tensor.h>

namespace lastgood {

/// Lossless packing of the payloads. `automatic` packs a chunk by byte planes and zstd, only where its first 128 KiB
/// show that it saves 5 % or more. Either way, any Lastgood reads it.
enum class Compression : std::uint8_t { none, automatic };

/// For the whole session. What is out of range is invalid_argument at its start.
struct SessionOptions {
  /// Threads that copy, hash and write; 0: one a core, at most 8.
  unsigned threads = 0;
  /// Tensors are cut into chunks of this size: 64 KiB to 64 MiB, a multiple of 4,096. The unit of everything: what is
  /// unchanged since an earlier save is shared chunk by chunk. States of other chunk sizes have other digests and share
  /// little.
  std::uint64_t chunk_bytes = 8u << 20;
  /// Bound on the memory that copies of tensors may take; 0: a quarter of the machine's. At least four chunks per
  /// thread, whatever the bound; taken as it is needed, and kept until the session ends.
  std::uint64_t staging_bytes = 0;
  Compression compression = Compression::none;
};

/// Brings a checkpoint back into the trainer's state, or throws and leaves it as it was: a call of load(), or of
/// TrainingState::restore().
using RestoreFn = std::function<void(const CheckpointInfo&)>;
/// Told of each checkpoint that a resume passes over, and why, on the calling thread.
using SkippedFn = std::function<void(const CheckpointInfo& checkpoint, const Error& why)>;

class Session {
 public:
  Session(Session&&) noexcept;
  /// Exchanges the two: the session that was here ends when `other` goes.
  Session& operator=(Session&&) noexcept;
  /// Waits for saves under way, and never throws: what cannot be recorded is told to StoreOptions::on_warning, and the
  /// next session of the run finds this one `crashed`.
  ~Session();

  /// In the catalog since the session began.
  SessionId id() const noexcept;
  const std::string& run() const noexcept;

  /// The checkpoint that a resume continues from: the newest save, unless rollback() moved it. Nothing in a new run.
  /// Asks the catalog: saves under way do not count yet.
  std::optional<CheckpointInfo> head() const;

  /// Continues the run: calls `restore` with the head; where that throws for damage, tells `skipped` why and goes on
  /// with its parent, and so on. The checkpoint that was restored becomes the head. Nothing in a run without
  /// checkpoints. Never starts from zero silently: where no checkpoint is intact, and for any other error, it throws
  /// that error. Damage is Error(corruption), or Error(io) where the disk failed (EIO and the like). Errors: those of
  /// `restore`, and of rollback() where the head has to move; the state is then that of the checkpoint, and the head
  /// where it was.
  std::optional<CheckpointInfo> resume(const RestoreFn& restore, const SkippedFn& skipped = {});

  /// Writes a checkpoint and makes it the head. Durable on return. Never throws; see SaveOutcome::error. REQUIRES:
  /// nobody changes the tensors before it returns.
  SaveOutcome save(std::span<const TensorView> state, const SaveRequest& request) noexcept;

  /// The same behind a handle. `state` itself may go away at once; the memory it points to as `staging` says.
  /// Waits first for an earlier save of this session that is still being staged. Functions in the views are called
  /// until the state is staged.
  SaveHandle save_async(std::span<const TensorView> state, const SaveRequest& request,
                        Staging staging = Staging::at_capture, SaveCallback callback = {}) noexcept;

  /// Moves the head to `checkpoint`, of this run; the next save grows a new branch from there. Durable on return. Waits
  /// for saves under way, which were called before. Changes no tensor: see resume(). Errors: not_found,
  /// invalid_argument (a checkpoint of another run; a session that has ended).
  void rollback(CheckpointId checkpoint);

  /// Notes what happened at a step, on the branch that the training is on now. Buffered: waits for no file and
  /// never throws. What is malformed is dropped, what cannot be written now waits for the next commit (up to 65,536
  /// of a kind); StoreOptions::on_warning is told of both.
  /// An observation of a step replaces an earlier one of the same step and branch. Safe from any thread, also within a
  /// save's callback.
  void record(const Observation& observation) noexcept;
  void record(const Event& event) noexcept;

  /// Notes a recovery, or (when it has an id) how it ended. Durable on return; writes what is buffered, too.
  /// Errors: those of rollback(); invalid_argument for a detail that is no JSON object. Also invalid_argument for a
  /// failure or an action that is not of [a-z0-9_], 1 to 64 characters, or a negative step; not_found for an id that no
  /// recovery has.
  RecoveryId record(const Recovery& recovery);

  /// Hands what is buffered to the session's thread, to be written soon. Waits for nothing and promises nothing: a
  /// crash may still take it.
  void flush() noexcept;

  /// Ends the session as `completed`: the run has nothing left to resume (a later session may go on with it all the
  /// same). Waits for saves under way. Durable on return. Error: invalid_argument where it has ended already. Where the
  /// end cannot be recorded, the session is over nevertheless, and the next one takes it for crashed.
  void complete();

  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl) noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace lastgood
