#include <lastgood/annotate.h>
#include <lastgood/history.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "tests/recovery/sample_trainer.h"
#include "tests/support/thrown_error.h"

namespace lastgood::test {
namespace {

namespace fs = std::filesystem;
using Calls = std::vector<std::string>;

/// Flips a byte of the payload in the newest pack.
void damage_newest(const fs::path& store) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(store / "blobs")) {
    if (newest.empty() || entry.last_write_time() > fs::last_write_time(newest)) newest = entry.path();
  }
  std::fstream file(newest, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(64 + 64);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(64 + 64);
  file.put(byte);
}

TEST_CASE("A NaN rolls back to the newest stable checkpoint, and tells the step to go on from") {
  SampleTrainer trainer;
  const CheckpointId good = trainer.save(10);
  trainer.save(20, Stability::unstable);
  trainer.save(30, Stability::unknown);
  trainer.weight = 1e9;
  AutoRecovery recovery = trainer.recovery();
  const RecoveryResult result = recovery.recover("nan_detected", 33, 3);
  CHECK(result.success);
  CHECK(result.action == "rollback_checkpoint");
  CHECK(result.restored == good);
  CHECK(result.step == 10);
  CHECK(result.epoch == 1);
  CHECK(trainer.weight == 10);
  CHECK(trainer.session->head()->id == good);
  CHECK(trainer.rate == 1e-3);
}

TEST_CASE("A damaged checkpoint is found before it is restored, and the one before it is taken") {
  SampleTrainer trainer;
  const CheckpointId older = trainer.save(10);
  trainer.save(20);
  damage_newest(trainer.store.path());
  AutoRecovery recovery = trainer.recovery();
  const RecoveryResult result = recovery.recover("inf_detected", 25, 2);
  CHECK(result.restored == older);
  CHECK(trainer.calls == Calls{"restore " + std::to_string(older.value)});
  CHECK(list_recoveries(trainer.store).at(0).detail.find("damaged") != std::string::npos);
}

TEST_CASE("12.10: with every checkpoint damaged there is no way back: a clear failure, and nothing is touched") {
  SampleTrainer trainer;
  trainer.save(10);
  damage_newest(trainer.store.path());
  const CheckpointId head = trainer.save(20);
  damage_newest(trainer.store.path());
  trainer.weight = 5;
  AutoRecovery recovery = trainer.recovery();
  const RecoveryResult result = recovery.recover("nan_detected", 25, 2);
  CHECK_FALSE(result.success);
  CHECK(result.action == "no_stable_checkpoint");
  CHECK(result.step == 25);
  CHECK(trainer.weight == 5);
  CHECK(trainer.calls.empty());
  CHECK(trainer.session->head()->id == head);
}

TEST_CASE("26. After a restart there is something to roll back to") {
  SampleTrainer trainer;
  const CheckpointId good = trainer.save(10);
  trainer.restart();
  AutoRecovery recovery = trainer.recovery();
  recovery.resume();
  CHECK(recovery.recover("nan_detected", 12, 1).restored == good);
  CHECK(trainer.weight == 10);
}

TEST_CASE("27. Saving never lets the only stable checkpoint go, however many others follow") {
  SampleTrainer trainer;
  AutoRecovery recovery = trainer.recovery();
  const CheckpointId good = recovery.save_checkpoint(1, 0, {}, true).value();
  for (Step step = 2; step <= 12; ++step) REQUIRE(recovery.save_checkpoint(step, 0, {}, false).ok());
  CHECK(recovery.recover("nan_detected", 12, 0).restored == good);
}

TEST_CASE(
    "27. A step that is saved again after a rollback is a checkpoint of its own, and the old one's end is not its") {
  SampleTrainer trainer;
  AutoRecovery recovery = trainer.recovery({.keep_last = 2});
  recovery.save_checkpoint(10, 0, {}, true);
  trainer.weight = 1;
  const CheckpointId old = recovery.save_checkpoint(20, 0, {}, false).value();
  recovery.recover("nan_detected", 21, 0);
  trainer.weight = 2;
  const CheckpointId again = recovery.save_checkpoint(20, 0, {}, true).value();
  CHECK(again != old);
  trainer.weight = 3;
  recovery.save_checkpoint(30, 0, {}, false);
  recovery.save_checkpoint(40, 0, {}, false);
  CHECK_FALSE(find_checkpoint(trainer.store, old));
  CHECK(recovery.recover("nan_detected", 41, 0).restored == again);
  CHECK(trainer.weight == 2);
}

TEST_CASE("14. A stable save is the monitor's last stable step, an unstable one is not") {
  SampleTrainer trainer;
  HealthMonitor monitor;
  AutoRecovery recovery = trainer.recovery();
  recovery.watch(&monitor);
  const CheckpointId good = recovery.save_checkpoint(10, 0, {}, true).value();
  recovery.save_checkpoint(20, 0, {}, false);
  CHECK(monitor.get_health_dashboard().last_stable_step == 10);
  CHECK(monitor.get_health_dashboard().last_stable_checkpoint == good);
}

TEST_CASE("12. Running out of memory counts in the monitor that the recovery watches") {
  SampleTrainer trainer;
  HealthMonitor monitor;
  AutoRecovery recovery = trainer.recovery();
  recovery.watch(&monitor);
  recovery.recover("oom", 3, 0);
  recovery.recover("oom", 3, 0);
  CHECK(monitor.get_health_dashboard().oom_count == 2);
}

TEST_CASE("Without a stable checkpoint there is no way back: a clear failure, and nothing is touched") {
  SampleTrainer trainer;
  const CheckpointId only = trainer.save(10, Stability::unknown);
  trainer.weight = 5;
  AutoRecovery recovery = trainer.recovery();
  const RecoveryResult result = recovery.recover("gradient_explosion", 12, 1);
  CHECK_FALSE(result.success);
  CHECK(result.action == "no_stable_checkpoint");
  CHECK(result.step == 12);
  CHECK(trainer.weight == 5);
  CHECK(trainer.rate == 1e-3);
  CHECK(trainer.session->head()->id == only);
  CHECK(list_recoveries(trainer.store).at(1).outcome == RecoveryOutcome::failed);
  CHECK(recovery.halt_report());
}

TEST_CASE("A restore that fails for another reason than damage passes on, and the head stays") {
  SampleTrainer trainer;
  const CheckpointId head = trainer.save(10);
  RecoveryTarget target = trainer.target();
  target.restore = [](const CheckpointInfo&) { throw Error(ErrorCode::invalid_argument, "w", "another shape"); };
  AutoRecovery recovery(trainer.store, *trainer.session, target);
  CHECK(thrown_by([&] { recovery.recover("nan_detected", 12, 1); }).code() == ErrorCode::invalid_argument);
  CHECK(trainer.session->head()->id == head);
}

TEST_CASE("A checkpoint that went bad between the look and the restore is passed over") {
  SampleTrainer trainer;
  const CheckpointId older = trainer.save(10);
  const CheckpointId newer = trainer.save(20);
  RecoveryTarget target = trainer.target();
  target.restore = [&, inner = target.restore](const CheckpointInfo& checkpoint) {
    if (checkpoint.id == newer) throw Error(ErrorCode::corruption, "w", "hash mismatch");
    inner(checkpoint);
  };
  AutoRecovery recovery(trainer.store, *trainer.session, target);
  CHECK(recovery.recover("nan_detected", 25, 2).restored == older);
}

TEST_CASE("The monitor's windows follow the rollback") {
  SampleTrainer trainer;
  HealthMonitor monitor;
  monitor.bind(*trainer.session);
  for (Step step = 1; step <= 10; ++step) monitor.observe({.step = step, .loss = 1, .gradient_norm = 1});
  trainer.save(10);
  for (Step step = 11; step <= 20; ++step) monitor.observe({.step = step, .loss = 50, .gradient_norm = 5});
  AutoRecovery recovery = trainer.recovery();
  recovery.watch(&monitor);
  recovery.recover("loss_divergence", 20, 1);
  CHECK(monitor.get_health_dashboard().current_loss == 1.0);
  CHECK(monitor.get_health_dashboard().gradient_norm_max == 1.0);
}

TEST_CASE("Saving keeps the newest five, and what is protected") {
  SampleTrainer trainer;
  AutoRecovery recovery = trainer.recovery();
  const SaveOutcome first = recovery.save_checkpoint(1, 0, {{"loss", 1}}, true);
  pin(trainer.store, *first.checkpoint);
  for (Step step = 2; step <= 9; ++step) REQUIRE(recovery.save_checkpoint(step, 0, {}, step % 2 == 0).ok());
  const auto kept = list_checkpoints(trainer.store);
  std::vector<Step> steps;
  for (const CheckpointInfo& checkpoint : kept) steps.push_back(checkpoint.step);
  CHECK(steps == std::vector<Step>{9, 8, 7, 6, 5, 4, 2, 1});  // the newest five, five stable ones, the pinned one
  CHECK(kept.front().stability == Stability::unstable);
  CHECK(recovery.get_recovery_report().checkpoint_count == 8);
}

TEST_CASE("Saving without a function for it is an outcome, not an exception") {
  SampleTrainer trainer;
  RecoveryTarget target = trainer.target();
  target.save = {};
  AutoRecovery recovery(trainer.store, *trainer.session, target);
  CHECK(recovery.save_checkpoint(1, 0, {}, true).error->code() == ErrorCode::invalid_argument);
}

TEST_CASE("A checkpoint is verified byte by byte") {
  SampleTrainer trainer;
  const CheckpointId id = trainer.save(10);
  AutoRecovery recovery = trainer.recovery();
  CHECK(recovery.verify_checkpoint(id));
  damage_newest(trainer.store.path());
  CHECK_FALSE(recovery.verify_checkpoint(id));
  CHECK(thrown_by([&] { recovery.verify_checkpoint(CheckpointId{99}); }).code() == ErrorCode::not_found);
}

}  // namespace
}  // namespace lastgood::test
