#include "tests/fault/harness/scenario.h"

#include <lastgood/annotate.h>

#include "store/rebuild_on.h"

namespace lastgood::test {

namespace {

const std::set<Step> kForgettable = {1, 2, 6};

/// New contents, some of the parent, and some that only forgettable checkpoints hold: one of the own run, one of both.
const Contents& partly_new() {
  static const Contents state = contents({{"w", 1}, {"u", 1}, {"v", 3}, {"b", 50}});
  return state;
}

void fill_run_a(Actor& actor) {
  actor.start("a");
  actor.save_surely(contents({{"w", 1}, {"u", 1}, {"v", 1}, {"b", 1}}));
  actor.save_surely(contents({{"w", 2}, {"u", 2}, {"v", 1}, {"b", 2}}));
  actor.save_surely(contents({{"w", 3}, {"u", 3}, {"v", 3}, {"b", 3}}));
  actor.save_surely(contents({{"w", 4}, {"u", 2}, {"v", 3}, {"b", 4}}));
  actor.save_surely(contents({{"w", 5}, {"u", 2}, {"v", 3}, {"b", 5}}));
  actor.complete();
}

void fill_run_b(Actor& actor) {
  actor.start("b");
  actor.save_surely(contents({{"w", 1}, {"u", 6}, {"v", 1}, {"b", 6}}));
  actor.save_surely(contents({{"w", 7}, {"u", 6}, {"v", 7}, {"b", 7}}));
  actor.complete();
}

Base fill(bool has_holes) {
  Base base;
  base.disk = std::make_unique<SimulatedDisk>(DiskOptions{.block_bytes = 4096, .has_holes = has_holes});
  Process process(*base.disk);
  Actor actor(process, base.ledger, OpenMode::create);
  fill_run_a(actor);
  fill_run_b(actor);
  actor.collect();  // its lock file is there from now on
  tag(actor.store(), "keep", listed(actor.store(), 4)->id);
  set_stability(actor.store(), listed(actor.store(), 5)->id, Stability::stable);
  actor.forget({3});
  return base;
}

const Base& filled_with_holes() {
  return filled(true);
}
const Base& filled_without_holes() {
  return filled(false);
}

void save_once(Stage& stage, Way way) {
  Actor trainer(stage.process, stage.ledger);
  trainer.start("a");
  if (stage.trouble == Trouble::none) return trainer.save_surely(partly_new(), way);
  const SaveOutcome outcome = trainer.save(partly_new(), way);
  // One failure must not spoil the session.
  if (!outcome.ok() && stage.trouble == Trouble::once && !stage.process.killed()) {
    trainer.save_surely(contents({{"w", 60}, {"u", 1}, {"v", 3}, {"b", 60}}), way);
  }
}

void collect_after_forgetting(Stage& stage) {
  Actor collector(stage.process, stage.ledger);
  collector.forget(kForgettable);
  collector.collect();
}

}  // namespace

const Base& filled(bool has_holes) {
  static const Base with = fill(true);
  static const Base without = fill(false);
  return has_holes ? with : without;
}

const Base& empty() {
  static const Base base{std::make_unique<SimulatedDisk>(), {}};
  return base;
}

Scenario save(Way way) {
  const char* names[] = {"save", "save_at_capture", "save_overlapped"};
  return {names[static_cast<std::size_t>(way)], filled_with_holes, [way](Stage& stage) { save_once(stage, way); }};
}

Scenario forget() {
  return {"forget", filled_with_holes, [](Stage& stage) { Actor(stage.process, stage.ledger).forget(kForgettable); }};
}

Scenario collect() {
  return {"collect", filled_with_holes, collect_after_forgetting};
}

Scenario collect_by_compaction() {
  return {"compact", filled_without_holes, collect_after_forgetting};
}

Scenario session() {
  return {"session", filled_with_holes, [](Stage& stage) {
            Actor trainer(stage.process, stage.ledger);
            trainer.start("c");
            trainer.complete();
          }};
}

Scenario rollback() {
  return {"rollback", filled_with_holes, [](Stage& stage) {
            Actor trainer(stage.process, stage.ledger);
            trainer.rollback("a", 4);
            trainer.start("a");
            trainer.rollback("a", 2);
          }};
}

Scenario create() {
  return {"create", empty, [](Stage& stage) { Actor(stage.process, stage.ledger, OpenMode::create); }, Repair::create};
}

Scenario rebuild() {
  return {"rebuild", filled_with_holes, [](Stage& stage) { rebuild_on(kStore, false, {}, stage.process); },
          Repair::rebuild};
}

}  // namespace lastgood::test
