#include "tests/fault/harness/neighbours.h"

#include <cstring>

#include <lastgood/load.h>

namespace lastgood::test {

namespace {

/// What `save` matches, and what only forgettable checkpoints hold.
const Contents& at_risk() {
  static const Contents state = contents({{"w", 1}, {"u", 1}, {"v", 1}, {"b", 70}});
  return state;
}

void save_unless_busy(Actor& actor) {
  const SaveOutcome outcome = actor.save(at_risk());
  if (!outcome.ok() && outcome.error->code() != ErrorCode::busy) {
    throw Violation(std::string("a live save was refused: ") + outcome.error->what());
  }
}

void load_and_compare(Stage& stage, Step step) {
  const Actor reader(stage.process, stage.ledger);
  const auto info = listed(reader.store(), step);
  LoadOptions options;
  options.threads = 1;
  std::vector<HostEntry> entries;
  try {
    if (!info) throw Error(ErrorCode::not_found, std::to_string(step), "not listed");
    entries = load_to_host(reader.store(), info->id, options);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::not_found && !stage.ledger.acknowledged.contains(step)) return;
    throw Violation("step " + std::to_string(step) + " does not load: " + error.what());
  }
  for (const HostEntry& entry : entries) {
    const Bytes& given = stage.ledger.given.at(step).at(entry.spec.name);
    if (std::memcmp(given.data(), entry.data.get(), given.size()) == 0) continue;
    throw Violation("a load returned wrong bytes for " + entry.spec.name);
  }
}

/// The process that lives beside a collection, from before it to its end, and knows the blobs by an earlier save.
class Beside {
 public:
  Beside(Stage& stage, Actor*& in_reach) : process_(stage.disk), actor_(process_, stage.ledger), in_reach_(in_reach) {
    actor_.start("b");
    actor_.save_surely(contents({{"b", 71}}));
    in_reach_ = &actor_;
  }
  ~Beside() { in_reach_ = nullptr; }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

 private:
  Process process_;
  Actor actor_;
  Actor*& in_reach_;
};

}  // namespace

void forget_and_collect(Stage& stage) {
  Actor collector(stage.process, stage.ledger);
  collector.forget({1, 2, 6});
  collector.collect();
}

void collect_twice(Stage& stage) {
  Actor collector(stage.process, stage.ledger);
  collector.forget({2});
  collector.collect();
  collector.forget({1, 6});
  collector.collect();
}

void collect_and_die(Stage& stage, std::uint64_t at) {
  Process mortal(stage.disk, {.fault = Fault{FaultKind::kill, at}});
  Stage mortal_stage{stage.disk, mortal, stage.ledger, Trouble::once};
  try {
    forget_and_collect(mortal_stage);
  } catch (const Killed&) {
  } catch (const Error& error) {
    if (!mortal.killed()) throw;
  }
}

void collect_now(Stage& stage) {
  Actor(stage.process, stage.ledger).collect();
}

void save_beside(Stage& stage) {
  Actor trainer(stage.process, stage.ledger);
  trainer.start("b");
  save_unless_busy(trainer);
}

Scenario load(Step step, bool has_holes) {
  Scenario scenario = has_holes ? collect() : collect_by_compaction();
  scenario.name = "load_step_" + std::to_string(step);
  scenario.run = [step](Stage& stage) { load_and_compare(stage, step); };
  return scenario;
}

Veteran collection_beside_veteran() {
  const auto in_reach = std::make_shared<Actor*>(nullptr);
  Veteran veteran;
  veteran.collection = collect();
  veteran.collection.name = "collect_beside_veteran";
  veteran.collection.run = [in_reach](Stage& stage) {
    const Beside beside(stage, *in_reach);
    forget_and_collect(stage);
  };
  veteran.save = [in_reach](Stage&) { save_unless_busy(**in_reach); };
  return veteran;
}

}  // namespace lastgood::test
