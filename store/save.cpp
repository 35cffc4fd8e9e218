// A save, step by step. (Why each step is where it is: FORMAT.md, "The protocol".)
//
//   1. Take the lock named by a fresh uuid: whoever finds the save's row can tell by it that the save is alive.
//   2. Commit the save's row and its pack's row, together with pins on the blobs of the parent checkpoint, the
//      likeliest matches. Only then create the pack file.
//   3. For each task: copy, hash, look up; a match is pinned, and compared where the hash alone speaks for it; what has
//      no match is appended to the pack.
//   4. Append the manifest, whose hash is the checkpoint's digest, and the record.
//   5. Make the pack and its directory entry durable. Where the sync fails, the file is not trusted any more:
//      everything is read back, checked against its hash and written to another pack, once.
//   6. Commit, durably: the save's row is still there, every match is still live; heal damaged blobs of the same
//      content; insert blobs and checkpoint, move the head, drop the save's row and pins. A match found dead is copied
//      from its old place where that still reads right, and the commit is tried again.
//   7. Remove the lock file. Tell the outcome.
//
// Steps 5 to 7 are in save_commit.cpp.
//
// A failure at any point unlinks nothing: the outcome of a commit that failed may still be undecided. The lock is let
// go, and gc decides.
//
// What a cut leaves, after each step:
//
//   1. A lock file that nobody holds: the next collection removes it.
//   2. A row whose lock is free, so a dead save, and an empty pack. A power loss may take the row and leave the pack:
//      an orphan. Collections see to both.
//   3. The same with a longer pack, up to step 5. No row refers to its frames.
//   6. Nothing or the checkpoint, as a whole. Where the process died within the commit, only the next real write to the
//      catalog tells which: so nobody removes the pack meanwhile.
//   7. The checkpoint. Where the lock file is still there, the next collection removes it.
#include <algorithm>
#include <new>
#include <utility>

#include <lastgood/error.h>

#include "store/catalog/runs.h"
#include "store/format/manifest_check.h"
#include "store/holder.h"
#include "store/paths.h"
#include "store/pipeline/parallel.h"
#include "store/rules.h"
#include "store/save_in_flight.h"

namespace lastgood {
namespace {

using pipeline::Content;

// Copies that wait for their pins hold memory: so many tasks at most, and never more than a quarter of it.
constexpr std::size_t kMostWaiting = 8;
// Collections hold such a lock for a moment only. So many in a row mean that something else is wrong, which must not
// hang a trainer.
constexpr int kMostLockTries = 100;

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

format::Manifest plan_manifest(std::span<const TensorView> state, std::uint64_t chunk_bytes) {
  format::Manifest manifest{.chunk_bytes = chunk_bytes, .entries = {}};
  manifest.entries.reserve(state.size());
  for (const TensorView& view : state) {
    format::check_spec(view.spec);
    const std::uint64_t bytes = view.spec.alias_of.empty() ? view.spec.byte_count() : 0;
    if (bytes != 0 && view.data == nullptr && !view.read) {
      throw Error(ErrorCode::invalid_argument, view.spec.name, "the entry '" + view.spec.name + "' has no data");
    }
    // The hashes follow; their number is what the check below needs.
    manifest.entries.push_back(
        {view.spec, std::vector<BlobHash>(static_cast<std::size_t>(format::chunk_count(bytes, chunk_bytes)))});
  }
  if (const auto defect = format::find_defect(manifest)) {
    throw Error(ErrorCode::invalid_argument, defect->subject, defect->text);
  }
  return manifest;
}

format::Record plan_record(const SaveContext& context, const SaveRequest& request) {
  format::Record record;
  record.checkpoint = format::Uuid::random();
  record.session = context.session_uuid;
  record.run = context.run;
  record.step = request.step;
  record.epoch = request.epoch;
  record.kind = request.kind;
  record.stability = request.stability;
  record.created_at_ms = now_ms();
  record.metrics.assign(request.metrics.begin(), request.metrics.end());
  record.metadata = request.metadata;
  format::check_record(record);
  return record;
}

}  // namespace

// For callers to whom a failed save is an error like any other, such as an import.
CheckpointId SaveOutcome::value() const {
  if (error) throw *error;  // NOLINT(misc-throw-by-value-catch-by-reference): a copy is thrown
  return checkpoint.value();
}

SaveJob::SaveJob(const SaveContext& context, std::span<const TensorView> state, const SaveRequest& request)
    : context_(context),
      state_(state.begin(), state.end()),
      manifest_(plan_manifest(state, context.options.chunk_bytes)),
      record_(plan_record(context, request)) {
  plan_ = pipeline::plan_chunks(state_, context.options.chunk_bytes);
  staged_ = std::make_unique<pipeline::StagedState>(state_, plan_, context.arena);
  for (const TensorView& view : state_) {
    if (view.spec.alias_of.empty()) outcome_.bytes_logical += view.spec.byte_count();
  }
}

SaveJob::~SaveJob() = default;

SaveOutcome SaveJob::run(Clock::time_point called, BlockedFn blocked) noexcept {
  called_ = called;
  blocked_ = std::move(blocked);
  try {
    begin();
    place_chunks();
    place_metadata();
    seal();
    commit();
    // The one place where a save's exceptions end. What reaches a trainer is an outcome, for a full disk as for a bug
    // of ours: a step of training must not be lost to the wish to save it.
  } catch (const Error& error) {
    outcome_.error = error;
    // For the weakened build of the tests: a commit that came to life after all would name a pack that is gone.
    if (!rules::keep_failed_pack) context_.store.files->unlink(paths::pack(context_.store.directory, in_flight_->uuid));
  } catch (const std::bad_alloc&) {
    outcome_.error = Error(ErrorCode::io, record_.run, "no memory left for the save", ENOMEM);
  } catch (const std::exception& error) {
    outcome_.error = Error(ErrorCode::internal, record_.run, std::string("the save failed: ") + error.what());
  } catch (...) {
    outcome_.error = Error(ErrorCode::internal, record_.run, "the save failed for an unknown reason");
  }
  // Whatever came of it: nobody must wait for copies that no one takes, and the lock goes with in_flight_.
  staged_->abandon();
  in_flight_.reset();
  outcome_.durable = Clock::now() - called;
  return outcome_;
}

void SaveJob::begin() {
  in_flight_ = std::make_unique<InFlight>();
  InFlight& flight = *in_flight_;
  flight.uuid = format::Uuid::random();
  if (!rules::lock_first) insert_rows();
  take_lock();
  if (!rules::row_before_file) create_pack(flight.uuid);
  if (rules::lock_first) insert_rows();
  if (rules::row_before_file) create_pack(flight.uuid);
  const std::size_t most_waiting = std::clamp<std::size_t>(context_.arena.most() / 4, 1, kMostWaiting);
  flight.placer = std::make_unique<pipeline::BlobPlacer>(
      pipeline::PlacerContext{context_.store, context_.catalog, context_.index, context_.reader, *flight.pack,
                              flight.save, context_.options.compression, most_waiting},
      std::move(flight.pinned), plan_.chunks + 2);
}

void SaveJob::take_lock() {
  // A collection may hold the new file for a moment, to see whether it was left behind: then another name is taken.
  for (int tries = 0; !in_flight_->lock && tries < kMostLockTries; ++tries) {
    if (tries > 0) in_flight_->uuid = format::Uuid::random();
    in_flight_->lock = context_.store.files->try_lock(paths::save_lock(context_.store.directory, in_flight_->uuid),
                                                      io::LockMode::exclusive);
  }
  if (!in_flight_->lock) {
    const std::string locks = paths::locks(context_.store.directory).string();
    throw Error(ErrorCode::busy, locks,
                "every lock file that this save made in " + locks + " was held by another process");
  }
  sign(*in_flight_->lock);
}

void SaveJob::insert_rows() {
  const auto start = Clock::now();
  // Relaxed: a power loss that takes the rows ends the save as well, and leaves an orphan for the sweep.
  context_.catalog.write(catalog::Durability::relaxed, [&](catalog::Connection& db) { begin_in(db); });
  outcome_.catalog += Clock::now() - start;
}

void SaveJob::create_pack(const format::Uuid& uuid) {
  in_flight_->pack = std::make_unique<io::PackWriter>(*context_.store.files, paths::blobs(context_.store.directory),
                                                      format::PackHeader{uuid, context_.catalog.store_uuid()});
}

void SaveJob::begin_in(catalog::Connection& db) {
  InFlight& flight = *in_flight_;
  const catalog::BegunSave begun = catalog::begin_save(db, flight.uuid, context_.session);
  flight.save = begun.save;
  flight.pack_id = begun.pack;
  record_.sequence = catalog::next_sequence(db);
  record_.parent = std::nullopt;
  // All of this assigns: the transaction may be run again.
  flight.pinned.clear();
  context_.index.refresh(db);
  const auto parent = catalog::head(db, context_.run_id);
  if (!parent) return;
  record_.parent = catalog::checkpoint_uuid(db, *parent);
  const auto blobs = catalog::checkpoint_blobs(db, *parent);
  if (!blobs) return;
  // Of an unchanged state even the manifest is a match. A record never is: each checkpoint has its own.
  std::vector<catalog::BlobId> ids{blobs->manifest.id};
  for (const catalog::Blob& blob : blobs->chunks) ids.push_back(blob.id);
  const std::vector<bool> live = catalog::pin_live(db, flight.save, ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (live[i]) flight.pinned.insert(ids[i].value);
  }
}

void SaveJob::place_chunks() {
  const unsigned threads = pipeline::thread_count(context_.options.threads);
  // A trainer waits for the copies alone: as long as there is memory, they come before hashing and writing.
  if (copy_first_) staged_->stage_while_free(threads);
  pipeline::parallel_for(threads, plan_.tasks.size(), [this](std::size_t task) { place_task(task); });
  in_flight_->placer->flush();
}

// Runs on any thread of the save's. The manifest's lists of hashes have their full length from the start, and each
// chunk has a place of its own: tasks fill them in side by side without a lock.
void SaveJob::place_task(std::size_t task) {
  auto copy = std::make_shared<pipeline::StagedState::Copy>(staged_->take(task));
  const std::vector<pipeline::Piece>& pieces = plan_.tasks[task].pieces;
  std::vector<Content> contents;
  contents.reserve(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const pipeline::Piece& piece = pieces[i];
    format::ManifestEntry& entry = manifest_.entries[piece.entry];
    entry.chunks[piece.chunk] = copy->digests[i].hash;
    contents.push_back({piece.ordinal,
                        {format::FrameKind::chunk, piece.bytes, copy->digests[i]},
                        copy->slot.bytes().subspan(piece.slot_offset, piece.bytes),
                        element_bytes(entry.spec.dtype)});
  }
  // The placer keeps the copy for as long as one of its chunks waits for a pin.
  in_flight_->placer->place(contents, copy);
}

void SaveJob::place_metadata() {
  InFlight& flight = *in_flight_;
  const auto place = [&](format::FrameKind kind, std::size_t ordinal, std::span<const std::byte> bytes) {
    if (bytes.size() > format::kMaxPayload) {
      throw Error(ErrorCode::invalid_argument, record_.run,
                  "the list of entries takes more than 64 MiB: save fewer entries, or larger chunks");
    }
    format::Digester digester;
    digester.update(bytes);
    const Content content{ordinal, {kind, bytes.size(), digester.finish()}, bytes, 1};
    flight.placer->place({&content, 1}, nullptr);
    flight.placer->flush();
    return content.key.digest.hash;
  };
  outcome_.digest = place(format::FrameKind::manifest, plan_.chunks, format::encode(manifest_));
  record_.manifest = outcome_.digest;
  // The record cannot count itself.
  record_.bytes_new = flight.pack->size();
  place(format::FrameKind::record, plan_.chunks + 1, format::encode(record_));
  outcome_.bytes_new = record_.bytes_new;
  flight.own = flight.placer->own();
  flight.sources = flight.placer->sources();
}

}  // namespace lastgood
