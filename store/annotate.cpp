// Each change is one durable transaction, which first makes sure that its checkpoint is there. A rollback from outside
// needs more, since a trainer that runs would overwrite it with its next save:
//   1. Ask for the checkpoint's run.
//   2. Take the run's lock, without waiting: then no trainer is at work, and none begins.
//   3. In the transaction, look for the checkpoint again, which may have been forgotten since 1, and move the head.
#include <lastgood/annotate.h>

#include "store/catalog/checkpoints.h"
#include "store/catalog/runs.h"
#include "store/holder.h"
#include "store/names.h"
#include "store/paths.h"
#include "store/query.h"

namespace lastgood {

namespace {

using catalog::Connection;
using catalog::Durability;

template <class Change>
void change_checkpoint(const Store& store, CheckpointId checkpoint, const Change& change) {
  store.impl().use_for_writing().write(Durability::durable, [&](Connection& db) {
    require_checkpoint(db, checkpoint);
    change(db);
  });
}

struct OwningRun {
  RunId id;
  std::string name;
};

OwningRun run_of(Connection& db, CheckpointId checkpoint) {
  require_checkpoint(db, checkpoint);
  const std::string name = catalog::find_checkpoint(db, checkpoint)->run;
  const std::optional<RunId> run = catalog::find_run(db, name);
  // A foreign key forbids it: only a damaged catalog gets here.
  if (!run) throw Error(ErrorCode::internal, name, "checkpoint of a run without a row: run `lastgood verify`");
  return {*run, name};
}

/// The one lock that a trainer holds while it may move the head.
std::unique_ptr<io::FileLock> lock_run(const StoreImpl& impl, const OwningRun& run) {
  const auto path = paths::run_lock(impl.directory, run.id);
  auto lock = impl.files->try_lock(path, io::LockMode::exclusive);
  if (!lock) {
    throw Error(ErrorCode::busy, run.name,
                "run " + run.name + " is being trained by " + describe_holder(*impl.files, path) +
                    ": stop it first, or let it roll back itself");
  }
  sign(*lock);
  return lock;
}

void check_tag(const std::string& name) {
  const std::string shown = printable(name);
  if (!is_tag_text(name) && !looks_reserved(name)) {
    throw Error(ErrorCode::invalid_argument, shown, "'" + shown + "' cannot be a tag: " + kTagRule);
  }
  if (is_number(name) || looks_reserved(name)) {
    throw Error(ErrorCode::invalid_argument, shown,
                "'" + shown + "' cannot be a tag: it already names a checkpoint in another way; take another word");
  }
}

}  // namespace

void rollback(const Store& store, CheckpointId checkpoint) {
  const StoreImpl& impl = store.impl();
  impl.use_for_writing();
  const OwningRun run = query(impl, [&](Connection& db) { return run_of(db, checkpoint); });
  const auto lock = lock_run(impl, run);
  change_checkpoint(store, checkpoint, [&](Connection& db) { catalog::set_head(db, run.id, checkpoint); });
}

// A tag needs no lock of the run: it binds nothing that a trainer writes, and protects its checkpoint from the commit
// on.
std::optional<CheckpointId> tag(const Store& store, const std::string& name, CheckpointId checkpoint,
                                const TagOptions& options) {
  check_tag(name);
  if (options.dry_run) {
    return query(store, [&](Connection& db) {
      require_checkpoint(db, checkpoint);
      return catalog::check_tag(db, name, checkpoint, options.move);
    });
  }
  std::optional<CheckpointId> before;
  change_checkpoint(store, checkpoint,
                    [&](Connection& db) { before = catalog::set_tag(db, name, checkpoint, options.move); });
  return before;
}

CheckpointId untag(const Store& store, const std::string& name, bool dry_run) {
  const auto find = [&](Connection& db) { return catalog::find_tag(db, name); };
  std::optional<CheckpointId> named;
  if (dry_run) {
    named = query(store, find);
  } else {
    store.impl().use_for_writing().write(Durability::durable, [&](Connection& db) {
      named = find(db);
      catalog::delete_tag(db, name);
    });
  }
  if (!named) throw Error(ErrorCode::not_found, printable(name), "there is no tag '" + printable(name) + "'");
  return *named;
}

void pin(const Store& store, CheckpointId checkpoint) {
  change_checkpoint(store, checkpoint, [&](Connection& db) { catalog::set_pinned(db, checkpoint, true); });
}

void unpin(const Store& store, CheckpointId checkpoint) {
  change_checkpoint(store, checkpoint, [&](Connection& db) { catalog::set_pinned(db, checkpoint, false); });
}

// A later verdict than the one in the record, and in the catalog alone: a rebuild brings back the record's.
void set_stability(const Store& store, CheckpointId checkpoint, Stability stability) {
  change_checkpoint(store, checkpoint, [&](Connection& db) { catalog::set_stability(db, checkpoint, stability); });
}

}  // namespace lastgood
