#include "tests/fault/harness/invariants.h"

#include <algorithm>
#include <cstring>

#include <lastgood/load.h>
#include <lastgood/rebuild.h>
#include <lastgood/verify.h>

#include "store/catalog/blobs.h"
#include "store/catalog/packs.h"
#include "store/paths.h"
#include "store/query.h"
#include "store/rebuild_on.h"

namespace lastgood::test {

namespace {

/// True where the store gives back what was given; Violation where it gives nothing back.
bool loads_as(const Store& store, const CheckpointInfo& info, const Contents& given) {
  LoadOptions options;
  options.threads = 1;
  try {
    const std::vector<HostEntry> entries = load_to_host(store, info.id, options);
    return entries.size() == given.size() && std::ranges::all_of(entries, [&](const HostEntry& entry) {
             const Bytes& bytes = given.at(entry.spec.name);
             return bytes.size() == entry.spec.byte_count() &&
                    std::memcmp(bytes.data(), entry.data.get(), bytes.size()) == 0;
           });
  } catch (const Error& error) {
    throw Violation("step " + std::to_string(info.step) + " is listed and does not load: " + error.what());
  }
}

/// The blocks of a pack that its header and its live blobs touch, and the last one, which its end shares. Not by the
/// library's own arithmetic, which is on trial.
std::set<std::uint64_t> needed_blocks(const std::vector<catalog::Blob>& rows, std::uint64_t size, std::uint64_t block) {
  std::set<std::uint64_t> needed = {0, size / block};
  for (const catalog::Blob& row : rows) {
    if (row.state != catalog::BlobState::live) continue;
    const std::uint64_t end = row.place.offset + format::kHeaderBytes + row.frame.stored_bytes;
    for (std::uint64_t at = row.place.offset / block; at * block < end; ++at) needed.insert(at);
  }
  return needed;
}

}  // namespace

Store opens(Process& process, Repair repair) {
  const OpenMode mode = repair == Repair::create ? OpenMode::open_or_create : OpenMode::open;
  try {
    return open_store(kStore, mode, impatient(), process);
  } catch (const Error& error) {
    if (repair != Repair::rebuild || error.code() != ErrorCode::corruption) {
      throw Violation(std::string("the store does not open: ") + error.what());
    }
  }
  rebuild_on(kStore, false, {}, process);
  return open_store(kStore, mode, impatient(), process);
}

void acknowledged_are_listed(const Store& store, const Ledger& ledger) {
  std::set<Step> steps;
  for (const CheckpointInfo& info : list_checkpoints(store)) steps.insert(info.step);
  for (const Step step : ledger.acknowledged) {
    if (!steps.contains(step)) throw Violation("step " + std::to_string(step) + " was acknowledged and is gone");
  }
}

void listed_are_whole(const Store& store, const Ledger& ledger) {
  std::set<Step> seen;
  for (const CheckpointInfo& info : list_checkpoints(store)) {
    const std::string name = "step " + std::to_string(info.step);
    const auto given = ledger.given.find(info.step);
    if (given == ledger.given.end()) throw Violation(name + " is listed and was never given");
    if (!seen.insert(info.step).second) throw Violation(name + " is listed twice");
    if (!loads_as(store, info, given->second)) throw Violation(name + " loads with other contents than were saved");
  }
}

void heads_are_where_they_may_be(const Store& store, const Ledger& ledger) {
  for (const CheckpointInfo& info : list_checkpoints(store)) {
    const auto allowed = ledger.heads.find(info.run);
    if (!info.is_head || allowed == ledger.heads.end() || allowed->second.contains(info.step)) continue;
    throw Violation("the head of run " + info.run + " is at step " + std::to_string(info.step));
  }
}

void nothing_is_damaged(const Store& store) {
  VerifyOptions options;
  options.threads = 1;
  const VerifyReport report = verify(store, options);
  if (report.ok()) return;
  const Damage& first = report.damages.front();
  throw Violation(std::to_string(report.damages.size()) + " damages, first: " + first.entry + " in " + first.pack +
                  " at " + std::to_string(first.offset) + ": " + first.what);
}

void next_session_saves(Actor& actor) {
  // Old contents and new ones: what a match relies on must be there.
  actor.start("a");
  static const Contents state = contents({{"w", 1}, {"u", 2}, {"v", 90}, {"b", 5}});
  actor.save_surely(state);
  actor.complete();
}

void nothing_is_orphaned(const Store& store) {
  const StoreImpl& impl = store.impl();
  std::set<std::string> known;
  for (const auto& pack : query(store, [](catalog::Connection& db) { return catalog::pack_uuids(db); })) {
    known.insert(paths::pack_name(pack));
  }
  for (const io::DirectoryEntry& entry : impl.files->list(paths::blobs(kStore))) {
    if (known.erase(entry.name) == 0) throw Violation("blobs/" + entry.name + " is an orphan");
  }
  if (!known.empty()) throw Violation("blobs/" + *known.begin() + " is in the catalog and not there");
  for (const io::DirectoryEntry& entry : impl.files->list(paths::locks(kStore))) {
    if (entry.name.starts_with("save-")) throw Violation("locks/" + entry.name + " is left over");
  }
}

void nothing_leaks(const Store& store) {
  const StoreImpl& impl = store.impl();
  const std::uint64_t block = impl.files->block_bytes(paths::blobs(kStore));
  for (const auto& pack : query(store, [](catalog::Connection& db) { return catalog::list_packs(db); })) {
    const auto rows = query(store, [&](catalog::Connection& db) { return catalog::blobs_in_pack(db, pack.id); });
    const auto file = impl.files->open(paths::pack(kStore, pack.uuid), false);
    const std::uint64_t needed = needed_blocks(rows, file->size(), block).size() * block;
    if (file->allocated_bytes() <= needed) continue;
    throw Violation("pack " + paths::pack_name(pack.uuid) + " keeps " +
                    std::to_string(file->allocated_bytes() - needed) + " bytes that nobody needs");
  }
}

void next_collection_frees_nothing(Actor& actor) {
  const GcReport report = actor.collect();
  if (report.blobs_freed + report.packs_removed + report.packs_compacted + report.orphans_removed + report.dead_saves +
          report.bytes_freed ==
      0) {
    return;
  }
  throw Violation("a second collection still freed " + std::to_string(report.bytes_freed) + " bytes in " +
                  std::to_string(report.blobs_freed) + " blobs, " + std::to_string(report.packs_removed) +
                  " packs removed, " + std::to_string(report.packs_compacted) + " compacted, " +
                  std::to_string(report.orphans_removed) + " orphans, " + std::to_string(report.dead_saves) +
                  " dead saves");
}

void check_all(SimulatedDisk& disk, Ledger ledger, Repair repair) {
  Process process(disk);
  try {
    Actor actor(process, ledger, opens(process, repair));
    acknowledged_are_listed(actor.store(), ledger);
    listed_are_whole(actor.store(), ledger);
    heads_are_where_they_may_be(actor.store(), ledger);
    nothing_is_damaged(actor.store());
    next_session_saves(actor);
    actor.collect();
    nothing_is_orphaned(actor.store());
    if (disk.options().has_holes) nothing_leaks(actor.store());
    next_collection_frees_nothing(actor);
    acknowledged_are_listed(actor.store(), ledger);
    listed_are_whole(actor.store(), ledger);
  } catch (const Error& error) {
    throw Violation(std::string("after the fault, a call failed: ") + error.what());
  }
}

}  // namespace lastgood::test
