// lastgood verify: looks for damage before a resume does.
// JSON: {"schema":1,"ok","checkpoints","blobs","bytes","damages":[{"checkpoint","entry","pack","offset","what"}]}
// Opens the store for writing where that is allowed, to mark what it finds. Exit code 20 where it finds damage.
//
// Prints a line for each damage, the way out, and a summary last; "ok" of the JSON is the exit code's word. A damage
// without "checkpoint" (null) is of the catalog, of a pack's header, or of nothing that is needed. Flags: CHECKPOINT,
// --structure-only; --run only with CHECKPOINT. Exit codes: 0 nothing found, 20 damage, 130 stopped, before anything
// was marked.
#include <algorithm>
#include <memory>
#include <set>

#include <lastgood/history.h>
#include <lastgood/verify.h>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

/// How the library begins what it says of the catalog, as against a pack.
constexpr const char* kOfCatalog = "catalog: ";

struct Options {
  std::optional<std::string> checkpoint;
  bool structure_only = false;
};

/// Open for writing, so that damage is marked; a store that one may only read can still be verified.
Store open_for_verify(const Context& context) {
  try {
    return context.open();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::permission) throw;
    context.hint("the store cannot be written: damage is reported, but not marked");
    return context.open_read_only();
  }
}

/// The same findings as the text has, without the way out.
Json json_report(const VerifyReport& report) {
  Json document = new_document();
  document["ok"] = report.ok();
  document["checkpoints"] = report.checkpoints;
  document["blobs"] = report.blobs;
  document["bytes"] = report.bytes;
  Json& rows = document["damages"] = Json::array();
  for (const Damage& damage : report.damages) {
    rows.push_back({{"checkpoint", json_id(damage.checkpoint)},
                    {"entry", damage.entry},
                    {"pack", damage.pack},
                    {"offset", damage.offset},
                    {"what", damage.what}});
  }
  return document;
}

/// Damage of the catalog itself: what the packs hold may all be right, and another way out leads back to it.
bool is_of_catalog(const Damage& damage) {
  return damage.pack.empty() && damage.what.starts_with(kOfCatalog);
}

bool is_catalog_damaged(const VerifyReport& report) {
  return std::any_of(report.damages.begin(), report.damages.end(), is_of_catalog);
}

/// A damaged catalog need not know any more which step this is: then the id must do.
std::string known_as(const Store& store, CheckpointId id) {
  try {
    if (const auto checkpoint = find_checkpoint(store, id)) return brief(*checkpoint);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corruption) throw;
  }
  return std::to_string(id.value);
}

/// "damaged: checkpoint 5 (step 125), entry model/w, in 01ab.pack at 4096: hash mismatch in chunk 3", or
/// "damaged: catalog: Tree 5 page 7: btreeInitPage() returns error code 11"
std::string described(const Store& store, const Damage& damage) {
  std::string text = "damaged: ";
  if (damage.checkpoint) {
    text += "checkpoint " + known_as(store, *damage.checkpoint);
  } else if (is_of_catalog(damage)) {
    return text + escape(damage.what);
  } else {
    text += "nothing that a checkpoint needs";
  }
  if (!damage.entry.empty()) text += ", entry " + escape(damage.entry);
  if (!damage.pack.empty()) text += ", in " + escape(damage.pack) + " at " + std::to_string(damage.offset);
  return text + ": " + escape(damage.what);
}

/// The newest ancestor that is neither marked nor found to be damaged: what a resume falls back to.
std::optional<CheckpointInfo> good_ancestor(const Store& store, CheckpointId head, const std::set<CheckpointId>& bad) {
  const auto checkpoint = find_checkpoint(store, head);
  if (!checkpoint) return std::nullopt;
  for (const CheckpointId id : lineage_of(store, *checkpoint)) {
    auto ancestor = find_checkpoint(store, id);
    if (ancestor && ancestor->intact && bad.count(id) == 0) return ancestor;
  }
  return std::nullopt;
}

/// For a damaged catalog, rebuild; else for each run whose head is damaged, the checkpoint to go back to.
void print_way_out(Context& context, const Store& store, const VerifyReport& report) {
  if (is_catalog_damaged(report)) {
    // What it says of heads and ancestors may be wrong: no rollback is offered.
    context.out.line(
        "the catalog is damaged: stop the trainers and run `lastgood rebuild`, which makes it anew from the packs");
    return;
  }
  std::set<CheckpointId> bad;
  for (const Damage& damage : report.damages) {
    if (damage.checkpoint) bad.insert(*damage.checkpoint);
  }
  if (bad.empty()) return;
  context.out.line(counted(bad.size(), "checkpoint") +
                   " damaged: a resume passes over what is marked, and a later save of the same content heals it");
  for (const RunInfo& run : list_runs(store)) {
    if (!run.head || bad.count(*run.head) == 0) continue;
    const auto good = good_ancestor(store, *run.head, bad);
    const std::string way_out =
        good ? "`lastgood rollback " + std::to_string(good->id.value) +
                   "` goes back to its newest intact ancestor, step " + std::to_string(good->step)
             : "no checkpoint before it is intact; choose another branch in `lastgood log`, or start the run anew";
    context.out.line("the head of run " + escape(run.name) + " is among them: " + way_out);
  }
}

void print_report(Context& context, const Store& store, const VerifyReport& report) {
  for (const Damage& damage : report.damages) {
    context.out.line(paint(described(store, damage), Tone::bad, context.color()));
  }
  print_way_out(context, store, report);
  const std::string seen = counted(report.checkpoints, "checkpoint") + ", " + counted(report.blobs, "blob") + ", " +
                           human_bytes(report.bytes) + " read";
  context.out.line(report.ok() ? paint("ok", Tone::good, context.color()) + ": " + seen : "checked " + seen);
}

ExitCode verify_store(Context& context, const Options& options) {
  if (context.run && !options.checkpoint) {
    throw UsageError(
        "a check is for the whole store or for one CHECKPOINT, which --run helps to name; see `lastgood verify "
        "--help`");
  }
  const Store store = open_for_verify(context);
  require_run(store, context.run);
  VerifyOptions request;
  request.depth = options.structure_only ? VerifyDepth::structure : VerifyDepth::data;
  if (options.checkpoint) request.checkpoint = resolve_checkpoint(store, *options.checkpoint, context.run).id;
  const VerifyReport report = [&] {
    LongOperation operation(context);
    request.progress = operation.progress();
    return verify(store, request);
  }();
  if (context.json) {
    print(context.out, json_report(report));
  } else {
    print_report(context, store, report);
  }
  return report.ok() ? ExitCode::ok : ExitCode::damage_found;
}

}  // namespace

Command verify_command() {
  const auto options = std::make_shared<Options>();
  return {.name = "verify",
          .summary = "check every stored byte, of the store or of one checkpoint",
          .details =
              "Damage is printed with checkpoint, entry, pack and place, and marked: a resume then passes the\n"
              "checkpoint over. Nothing is deleted. Safe while a trainer runs. Exits 20 where damage was found; what\n"
              "to do about it is printed last.",
          .arguments = {{.names = "CHECKPOINT",
                         .help = "only this one; default: the whole store",
                         .target = &options->checkpoint,
                         .offer = Offer::checkpoint},
                        {.names = "--structure-only",
                         .help = "the catalog and the packs' structure, not the data: fast",
                         .target = &options->structure_only}},
          .examples = {"lastgood verify", "lastgood verify head", "lastgood verify --structure-only"},
          .run = [options](Context& context) { return verify_store(context, *options); }};
}

}  // namespace lastgood::cli
