// The second half of a save: making its pack durable, and the commit. The protocol stands on top of save.cpp.
#include <algorithm>
#include <utility>

#include <lastgood/error.h>

#include "store/catalog/now.h"
#include "store/paths.h"
#include "store/rules.h"
#include "store/save_in_flight.h"

namespace lastgood {

/// Once: where the second pack cannot be synced either, the disk is to blame, and the save fails.
void SaveJob::seal() {
  try {
    in_flight_->pack->seal();
  } catch (const Error&) {
    rules::new_pack_after_failed_sync ? write_pack_anew() : in_flight_->pack->seal();
  }
}

/// The first pack stays as it is, with its row, until a collection finds that nothing in it is LIVE.
void SaveJob::write_pack_anew() {
  InFlight& flight = *in_flight_;
  const format::Uuid old_pack = flight.pack->uuid();
  const format::Uuid new_pack = format::Uuid::random();
  // Its row first, as for the first pack: no file without one.
  context_.catalog.write(catalog::Durability::relaxed, [&](catalog::Connection& db) {
    flight.pack_id = catalog::add_pack(db, new_pack, flight.save);
  });
  create_pack(new_pack);
  for (pipeline::OwnBlob& blob : flight.own) {
    // From the old file, which the kernel may give back other than it was written: each blob is checked against its
    // hash.
    append_raw(blob, context_.reader.read({old_pack, blob.row.offset, blob.row.frame}));
  }
  flight.pack->seal();
}

/// Appends the content as it is, not packed.
void SaveJob::append_raw(pipeline::OwnBlob& blob, std::span<const std::byte> bytes) {
  blob.row.frame.codec = format::Codec::raw;
  blob.row.frame.stored_bytes = bytes.size();
  const io::FrameToWrite frame{blob.row.frame, bytes};
  blob.row.offset = in_flight_->pack->append({&frame, 1}).front();
}

/// The body of the transaction may run more than once, as the catalog tries again when it is busy: what it calls
/// assigns, and never adds up.
void SaveJob::commit() {
  InFlight& flight = *in_flight_;
  for (;;) {
    std::vector<catalog::BlobId> dead;
    const auto start = Clock::now();
    const auto durability = rules::commit_durable ? catalog::Durability::durable : catalog::Durability::relaxed;
    // Taken out for this commit; where it is not reached, the batch puts itself back.
    TelemetryLog::Batch telemetry(context_.telemetry);
    context_.catalog.write(durability, [&](catalog::Connection& db) {
      // Within the transaction that would rely on them, so that none can die between the look and the commit.
      dead = dead_matches(db);
      if (!dead.empty()) return;
      commit_in(db);
      telemetry.insert(db, cost_so_far());
    });
    if (dead.empty()) telemetry.written();
    outcome_.catalog += Clock::now() - start;
    // Ends: what was found dead is the save's own from then on, and pins keep the others.
    if (dead.empty()) break;
    rewrite_dead(dead);
    flight.pack->seal();
  }
  outcome_.checkpoint = committed_;
  try {
    // Only now: before the commit, the ids may have been another's.
    for (std::size_t i = 0; i < flight.own.size(); ++i) context_.index.know(own_ids_[i], flight.own[i].key);
    context_.store.files->unlink(paths::save_lock(context_.store.directory, flight.uuid));
  } catch (const std::exception& error) {
    context_.store.warn(error.what());  // the checkpoint is durable all the same; gc removes the file
  }
}

SaveCost SaveJob::cost_so_far() const {
  SaveOutcome so_far = outcome_;
  so_far.checkpoint = committed_;
  so_far.blocked = blocked_();
  so_far.durable = Clock::now() - called_;
  SaveCost cost = cost_of(so_far, record_.step, record_.kind);
  cost.recorded_at_ms = catalog::now_ms();
  return cost;
}

std::vector<catalog::BlobId> SaveJob::dead_matches(catalog::Connection& db) const {
  if (!rules::recheck) return {};
  if (!catalog::save_exists(db, in_flight_->save)) {
    throw Error(ErrorCode::internal, record_.run,
                "the save's row is gone, as if a collection had taken it for dead: save again");
  }
  std::vector<catalog::BlobId> matched;
  for (const pipeline::Source& source : in_flight_->sources) {
    if (source.matched) matched.push_back(*source.matched);
  }
  std::vector<catalog::BlobId> dead;
  for (const std::size_t i : catalog::not_live(db, matched)) dead.push_back(matched[i]);
  return dead;
}

/// Rows are inserted where they belong to one save alone, and counted up where they are shared: all of it or nothing.
void SaveJob::commit_in(catalog::Connection& db) {
  insert_own_blobs(db);
  const std::vector<pipeline::Source>& sources = in_flight_->sources;
  const auto id = [&](const pipeline::Source& source) {
    return source.matched ? *source.matched : own_ids_[source.own];
  };
  catalog::NewCheckpoint checkpoint;
  checkpoint.record = record_;
  checkpoint.session = context_.session;
  checkpoint.manifest = &manifest_;
  checkpoint.bytes_logical = outcome_.bytes_logical;
  checkpoint.chunks.reserve(plan_.chunks);
  for (std::size_t i = 0; i < plan_.chunks; ++i) checkpoint.chunks.push_back(id(sources[i]));
  checkpoint.manifest_blob = id(sources[plan_.chunks]);
  checkpoint.record_blob = id(sources[plan_.chunks + 1]);
  committed_ = catalog::insert_checkpoint(db, checkpoint);
  // In the same commit, so that a save never counts as in flight once its checkpoint is there.
  catalog::end_save(db, in_flight_->save);
}

/// Rows for the own blobs, in the pack's order; those whose content is there but damaged heal the row that there is.
void SaveJob::insert_own_blobs(catalog::Connection& db) {
  const std::vector<pipeline::OwnBlob>& own = in_flight_->own;
  own_ids_.assign(own.size(), catalog::BlobId{});
  const std::vector<catalog::Blob> damaged = catalog::damaged_blobs(db);
  std::vector<std::size_t> fresh;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const format::FrameHeader& frame = own[i].row.frame;
    // Usually nothing is damaged, and the list is empty.
    const auto same = std::ranges::find_if(damaged, [&](const catalog::Blob& blob) {
      return blob.frame.hash == frame.hash && blob.frame.raw_bytes == frame.raw_bytes && blob.frame.kind == frame.kind;
    });
    if (same != damaged.end() && catalog::heal_blob(db, same->id, in_flight_->pack_id, own[i].row)) {
      own_ids_[i] = same->id;
    } else {
      fresh.push_back(i);
    }
  }
  std::ranges::sort(fresh, {}, [&](std::size_t i) { return own[i].row.offset; });
  std::vector<catalog::NewBlob> rows;
  rows.reserve(fresh.size());
  for (const std::size_t i : fresh) rows.push_back(own[i].row);
  if (rows.empty()) return;
  catalog::BlobId next = catalog::append_blobs(db, in_flight_->pack_id, rows);
  for (const std::size_t i : fresh) own_ids_[i] = catalog::BlobId{next.value++};
}

/// Not expected while locks and pins work. It is the second line: a file system whose locks do nothing must not make a
/// checkpoint that refers to what a collection is about to destroy.
void SaveJob::rewrite_dead(const std::vector<catalog::BlobId>& dead) {
  InFlight& flight = *in_flight_;
  for (const catalog::BlobId id : dead) {
    std::optional<catalog::Blob> blob;
    context_.catalog.read([&](catalog::Connection& db) { blob = catalog::find_blob(db, id); });
    if (!blob) {
      throw Error(ErrorCode::internal, record_.run,
                  "contents that this save relied on were collected before its commit: save again");
    }
    const std::vector<std::byte> bytes = context_.reader.read({blob->place.pack_uuid, blob->place.offset, blob->frame});
    format::Digester digester;
    digester.update(bytes);
    pipeline::OwnBlob own{{blob->frame.kind, bytes.size(), digester.finish()}, {0, blob->frame}};
    append_raw(own, bytes);
    for (pipeline::Source& source : flight.sources) {
      // Every place that built on it: one blob can be many chunks.
      if (source.matched == id) source = {.matched = std::nullopt, .own = flight.own.size()};
    }
    flight.own.push_back(own);
  }
}

}  // namespace lastgood
