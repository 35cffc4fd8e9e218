// One save, from its request to its outcome. The protocol stands on top of save.cpp.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/save.h>
#include <lastgood/session.h>

#include "store/catalog/checkpoints.h"
#include "store/catalog/saves.h"
#include "store/io/pack_reader.h"
#include "store/io/pack_writer.h"
#include "store/pipeline/blob_index.h"
#include "store/pipeline/blob_placer.h"
#include "store/pipeline/chunk_plan.h"
#include "store/pipeline/staged_state.h"
#include "store/pipeline/staging_arena.h"
#include "store/store_impl.h"
#include "store/telemetry_log.h"

namespace lastgood {

/// What the saves of a session share. Outlives them. Saves of a session run one after the other, so nothing in it is
/// used by two.
struct SaveContext {
  const StoreImpl& store;
  const catalog::Catalog& catalog;  // the session's own connection
  io::PackReader& reader;
  pipeline::BlobIndex& index;
  pipeline::StagingArena& arena;
  TelemetryLog& telemetry;  // each commit takes along what is buffered
  std::string run;
  RunId run_id;
  SessionId session;
  format::Uuid session_uuid;
  SessionOptions options;
};

/// One thread makes it and another may run it; only staged() is for any thread at any time, and is what wait_staged()
/// uses. Destroying it after run() frees memory and nothing else: the save has ended by then.
class SaveJob {
 public:
  using Clock = std::chrono::steady_clock;

  /// Checks the request; plans. Throws Error(invalid_argument). Keeps copies of the specs; the tensors must stay.
  SaveJob(const SaveContext& context, std::span<const TensorView> state, const SaveRequest& request);
  ~SaveJob();

  /// Lives as long as the job. Staging after the save has ended does nothing.
  pipeline::StagedState& staged() noexcept { return *staged_; }

  /// Copies everything beforehand, as far as there is memory; then does the rest. For a save behind the trainer's back.
  void copy_first(bool value) noexcept { copy_first_ = value; }

  /// For how long the caller has been held so far.
  using BlockedFn = std::function<Clock::duration()>;
  /// Runs the save to its end on this thread and its helpers. Never throws: the outcome tells. Once.
  SaveOutcome run(Clock::time_point called, BlockedFn blocked) noexcept;

 private:
  struct InFlight;

  /// Steps 1 and 2 of the protocol.
  void begin();
  void take_lock();
  void insert_rows();
  void create_pack(const format::Uuid& uuid);
  /// Step 2 in its transaction: rows, the record's number and parent, and pins on the parent's blobs.
  void begin_in(catalog::Connection& db);
  /// Step 3, with all threads.
  void place_chunks();
  void place_task(std::size_t task);
  /// Step 4. The outcome's digest is known from here on.
  void place_metadata();
  /// Step 5, with one more pack where the first one cannot be synced.
  void seal();
  void write_pack_anew();
  void append_raw(pipeline::OwnBlob& blob, std::span<const std::byte> bytes);
  /// Steps 6 and 7. Returns when the checkpoint is durable.
  void commit();
  /// Up to now. REQUIRES: the checkpoint's row was inserted.
  SaveCost cost_so_far() const;
  /// The matches that are not LIVE any more. Throws Error(internal) where the save's own row is gone.
  std::vector<catalog::BlobId> dead_matches(catalog::Connection& db) const;
  /// Step 6 in its transaction. REQUIRES: all matches are LIVE.
  void commit_in(catalog::Connection& db);
  void insert_own_blobs(catalog::Connection& db);
  /// Appends their contents to the save's own pack, from where they lay. Throws where that does not read right any
  /// more.
  void rewrite_dead(const std::vector<catalog::BlobId>& dead);

  const SaveContext& context_;
  const std::vector<TensorView> state_;
  format::Manifest manifest_;
  format::Record record_;
  pipeline::ChunkPlan plan_;
  std::unique_ptr<pipeline::StagedState> staged_;
  bool copy_first_ = false;
  std::unique_ptr<InFlight> in_flight_;
  std::vector<catalog::BlobId> own_ids_;  // of the own blobs, once committed
  CheckpointId committed_;
  Clock::time_point called_;
  BlockedFn blocked_;
  SaveOutcome outcome_;
};

}  // namespace lastgood
