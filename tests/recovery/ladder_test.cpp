// Rungs, budgets, probation, and what of them a restart remembers.
#include <lastgood/history.h>

#include <catch2/catch.hpp>

#include "tests/recovery/sample_trainer.h"
#include "tests/support/thrown_error.h"

namespace lastgood::test {
namespace {

using Calls = std::vector<std::string>;

RecoveryOptions patient(std::uint64_t retries = 10) {
  RecoveryOptions options;
  options.max_retries = retries;
  return options;
}

RecoveryOutcome outcome_of_latest(const SampleTrainer& trainer) {
  return list_recoveries(trainer.store).at(0).outcome;
}

TEST_CASE("An explosion rolls back and then cuts the rate, so that the rollback does not undo the cut") {
  SampleTrainer trainer;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery();
  const RecoveryResult result = recovery.recover("gradient_explosion", 15, 1);
  CHECK(result.success);
  CHECK(result.action == "reduce_lr_10x");
  CHECK(result.step == 10);
  CHECK(trainer.rate == Approx(1e-4));
}

TEST_CASE("A divergence climbs from the rate over epsilon to the batch size") {
  SampleTrainer trainer;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery(patient());
  CHECK(recovery.recover("loss_divergence", 15, 1).action == "reduce_lr_10x");
  CHECK(recovery.recover("loss_divergence", 15, 1).action == "increase_epsilon");
  CHECK(trainer.epsilon == 0.75);
  CHECK(recovery.recover("loss_divergence", 15, 1).action == "reduce_batch_size");
  CHECK(trainer.batch == 4);
  CHECK(recovery.recover("loss_divergence", 15, 1).action == "reduce_batch_size");
  CHECK(trainer.batch == 2);
}

TEST_CASE("A relapse into the same older checkpoint keeps the cuts of all attempts") {
  SampleTrainer trainer;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery();
  recovery.recover("gradient_explosion", 15, 1);
  recovery.recover("gradient_explosion", 14, 1);
  CHECK(trainer.rate == Approx(1e-5));
}

TEST_CASE("A checkpoint that was saved after a cut has it already") {
  SampleTrainer trainer;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery();
  recovery.recover("gradient_explosion", 15, 1);
  trainer.save(20);
  recovery.recover("gradient_explosion", 25, 2);
  CHECK(trainer.rate == Approx(1e-5));
}

TEST_CASE("A NaN that comes back skips the batches that did it, and then cuts the rate") {
  SampleTrainer trainer;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery(patient());
  CHECK(recovery.recover("nan_detected", 15, 1).action == "rollback_checkpoint");
  CHECK(recovery.recover("nan_detected", 15, 1).action == "skip_batches");
  CHECK(trainer.calls.back() == "skip 11 to 15");
  CHECK(recovery.recover("nan_detected", 15, 1).action == "reduce_lr_10x");
}

TEST_CASE("A knob at its limit fails, and the ladder climbs without another rollback") {
  SampleTrainer trainer;
  trainer.rate = 1e-7;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery();
  const RecoveryResult result = recovery.recover("loss_divergence", 15, 1);
  CHECK(result.action == "increase_epsilon");
  CHECK(trainer.rate == 1e-7);
  CHECK(trainer.calls.size() == 1);
}

TEST_CASE("A rate below the floor is never raised, and one above it does not fall below") {
  SampleTrainer trainer;
  SECTION("below") {
    trainer.rate = 1e-9;
    trainer.save(10);
    AutoRecovery recovery = trainer.recovery();
    CHECK_FALSE(recovery.recover("gradient_explosion", 15, 1).success);
    CHECK(trainer.rate == 1e-9);
    CHECK(list_recoveries(trainer.store).at(1).outcome == RecoveryOutcome::failed);
    CHECK(outcome_of_latest(trainer) == RecoveryOutcome::halted);
    CHECK_THAT(recovery.halt_report()->to_text(), Catch::Contains("nothing is left to try"));
  }
  SECTION("above") {
    trainer.rate = 5e-7;
    trainer.save(10);
    AutoRecovery recovery = trainer.recovery();
    CHECK(recovery.recover("gradient_explosion", 15, 1).success);
    CHECK(trainer.rate == 1e-7);
  }
}

TEST_CASE("Epsilon stops at its cap, and at the cap it is a failure") {
  SampleTrainer trainer;
  trainer.epsilon = 0.8;
  trainer.save(10);
  RecoveryOptions options = patient();
  options.ladders = {{"loss_divergence", {{"increase_epsilon"}}}};
  AutoRecovery recovery = trainer.recovery(options);
  CHECK(recovery.recover("loss_divergence", 15, 1).success);
  CHECK(trainer.epsilon == 1.0);
  CHECK_FALSE(recovery.recover("loss_divergence", 15, 1).success);
}

TEST_CASE("Out of memory: the state is saved, the cache given back, the batch halved, and nothing is rolled back") {
  SampleTrainer trainer;
  trainer.save(10);
  trainer.calls.clear();
  trainer.weight = 17;
  AutoRecovery recovery = trainer.recovery();
  const RecoveryResult result = recovery.recover("oom", 17, 1);
  CHECK(result.success);
  CHECK(result.action == "reduce_batch_size");
  CHECK(result.step == 17);
  CHECK_FALSE(result.restored);
  CHECK(trainer.calls == Calls{"save", "clear"});
  CHECK(trainer.batch == 4);
  CHECK(trainer.weight == 17);
  CHECK(trainer.session->head()->kind == CheckpointKind::emergency);
}

TEST_CASE("Out of memory with a save that fails goes on, and with one example a batch it is tried again as it is") {
  SampleTrainer trainer;
  RecoveryTarget target = trainer.target();
  target.save = [](const SaveRequest&) {
    SaveOutcome outcome;
    outcome.error = Error(ErrorCode::no_space, "store", "disk full");
    return outcome;
  };
  AutoRecovery recovery(trainer.store, *trainer.session, target, patient());
  trainer.batch = 3;
  CHECK(recovery.recover("oom", 5, 0).success);
  CHECK(trainer.batch == 1);
  const RecoveryResult at_the_floor = recovery.recover("oom", 6, 0);
  CHECK(at_the_floor.success);
  CHECK(at_the_floor.action == "clear_cuda_cache");
  CHECK(trainer.batch == 1);
  CHECK(list_recoveries(trainer.store).at(1).detail.find("disk full") != std::string::npos);
  CHECK(list_recoveries(trainer.store).at(0).detail.find("at its limit") != std::string::npos);
}

TEST_CASE("A batch is halved down to one example whatever the budget, which only attempts at the floor use up") {
  SampleTrainer trainer;
  trainer.batch = 64;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery({.max_retries = 2});
  for (const double left : {32, 16, 8, 4, 2, 1}) {
    CHECK(recovery.recover("oom", 17, 1).action == "reduce_batch_size");
    CHECK(trainer.batch == left);
  }
  CHECK(recovery.recover("oom", 17, 1).success);
  CHECK(recovery.recover("oom", 17, 1).success);
  CHECK(recovery.recover("oom", 17, 1).action == "max_retries_exceeded");
  CHECK(recovery.halt_report()->failure == "oom");
}

TEST_CASE("A batch that does not get smaller is not halved for ever") {
  SampleTrainer trainer;
  trainer.save(10);
  RecoveryTarget target = trainer.target();
  target.batch_size.write = [](double) {};
  AutoRecovery recovery(trainer.store, *trainer.session, target, patient(1));
  CHECK(recovery.recover("oom", 17, 1).action == "clear_cuda_cache");
  CHECK(recovery.recover("oom", 17, 1).action == "max_retries_exceeded");
}

TEST_CASE("Out of memory in the middle of a change to the state: it is not saved but rolled back, the batch halved") {
  SampleTrainer trainer;
  const CheckpointId good = trainer.save(10);
  RecoveryTarget target = trainer.target();
  std::uint64_t version = 1;
  target.state_version = [&] { return version; };
  AutoRecovery recovery(trainer.store, *trainer.session, target);
  version = 2;  // a step, that came to its end
  recovery.detect_failure(healthy(17));
  trainer.calls.clear();
  SECTION("torn") {
    version = 3;
    const RecoveryResult result = recovery.recover("oom", 17, 1);
    CHECK(result.success);
    CHECK(result.restored == good);
    CHECK(result.step == 10);
    CHECK(trainer.calls == Calls{"restore 1", "clear"});
    CHECK(trainer.batch == 4);
    CHECK(list_checkpoints(trainer.store).size() == 1);
    CHECK(list_recoveries(trainer.store).at(0).detail.find("in the middle of a change") != std::string::npos);
  }
  SECTION("whole") {
    CHECK(recovery.recover("oom", 17, 1).step == 17);
    CHECK(trainer.calls == Calls{"save", "clear"});
  }
  SECTION("torn after a rollback: again back to the same") {
    recovery.recover("nan_detected", 17, 1);
    version = 3;
    CHECK(recovery.recover("oom", 11, 1).restored == good);
    CHECK(list_checkpoints(trainer.store).size() == 1);
  }
}

TEST_CASE("Out of memory in the middle of a change, with nothing to go back to: nothing is saved, and the run halts") {
  SampleTrainer trainer;
  RecoveryTarget target = trainer.target();
  std::uint64_t version = 1;
  target.state_version = [&] { return version; };
  AutoRecovery recovery(trainer.store, *trainer.session, target);
  version = 2;
  const RecoveryResult result = recovery.recover("oom", 1, 0);
  CHECK_FALSE(result.success);
  CHECK(result.action == "no_stable_checkpoint");
  CHECK(list_checkpoints(trainer.store).empty());
}

TEST_CASE("An action that nobody registered is passed over") {
  SampleTrainer trainer;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery();
  const RecoveryResult result = recovery.recover("condition_number_high", 15, 1);  // no precision to raise
  CHECK(result.action == "increase_epsilon");
}

TEST_CASE("Precision is really converted by the target, and a model that has it climbs on") {
  SampleTrainer trainer;
  trainer.save(10);
  int conversions = 0;
  RecoveryTarget target = trainer.target();
  target.upgrade_precision = [&] { return conversions++ == 0; };
  AutoRecovery recovery(trainer.store, *trainer.session, target, patient());
  CHECK(recovery.recover("condition_number_high", 15, 1).action == "upgrade_precision");
  RecoveryOptions again = patient();
  again.ladders = {{"condition_number_high", {{"upgrade_precision"}, {"increase_epsilon"}}}};
  AutoRecovery upgraded(trainer.store, *trainer.session, target, again);
  upgraded.reset();
  CHECK(upgraded.recover("condition_number_high", 15, 1).action == "increase_epsilon");
}

TEST_CASE("With adjustments turned off there are rollbacks alone") {
  SampleTrainer trainer;
  trainer.save(10);
  RecoveryOptions options;
  options.enable_auto_adjustment = false;
  AutoRecovery recovery = trainer.recovery(options);
  const RecoveryResult result = recovery.recover("gradient_explosion", 15, 1);
  CHECK(result.success);
  CHECK(result.action == "rollback_checkpoint");
  CHECK(trainer.rate == 1e-3);
  CHECK(recovery.recover("oom", 15, 1).action == "clear_cuda_cache");
  CHECK(trainer.batch == 8);
}

TEST_CASE("A recovery has succeeded only after its probation of healthy, scanned steps") {
  SampleTrainer trainer;
  trainer.save(10);
  RecoveryOptions options;
  options.probation_steps = 3;
  AutoRecovery recovery = trainer.recovery(options);
  recovery.recover("nan_detected", 15, 1);
  CHECK(outcome_of_latest(trainer) == RecoveryOutcome::probation);
  for (Step step = 11; step <= 15; ++step) recovery.detect_failure(healthy(step));  // up to where it failed
  recovery.detect_failure(healthy(16));
  StepMetrics unchecked;
  unchecked.step = 17;
  recovery.detect_failure(unchecked);
  CHECK(outcome_of_latest(trainer) == RecoveryOutcome::probation);
  recovery.detect_failure(healthy(18));
  CHECK(outcome_of_latest(trainer) == RecoveryOutcome::succeeded);
  CHECK(recovery.get_recovery_report().consecutive_failures == 0);
}

TEST_CASE("Steps that nobody scanned do not end a probation") {
  SampleTrainer trainer;
  trainer.save(10);
  RecoveryOptions options;
  options.probation_steps = 2;
  AutoRecovery recovery = trainer.recovery(options);
  recovery.recover("nan_detected", 11, 1);
  StepMetrics unchecked;
  for (unchecked.step = 12; unchecked.step < 30; ++unchecked.step) recovery.detect_failure(unchecked);
  CHECK(outcome_of_latest(trainer) == RecoveryOutcome::probation);
}

TEST_CASE("NaN, rollback, NaN, rollback ends: three attempts without success halt the run, with a diagnosis") {
  SampleTrainer trainer;
  const CheckpointId good = trainer.save(10);
  AutoRecovery recovery = trainer.recovery();
  for (int i = 0; i < 3; ++i) {
    recovery.detect_failure(with_nan(15));
    CHECK(recovery.recover("nan_detected", 15, 1).success);
    CHECK_FALSE(recovery.halt_report());
  }
  recovery.detect_failure(with_nan(15));
  trainer.weight = 5;
  const RecoveryResult result = recovery.recover("nan_detected", 15, 1);
  CHECK_FALSE(result.success);
  CHECK(result.action == "max_retries_exceeded");
  CHECK(trainer.weight == 5);
  const HaltReport report = recovery.halt_report().value();
  CHECK(report.failure == "nan_detected");
  CHECK(report.tensors == Calls{"layer.weight"});
  CHECK(report.tried.size() == 3);
  CHECK(report.tried[0].outcome == RecoveryOutcome::relapsed);
  CHECK(report.last_good == good);
  // Can be pasted into a shell, whatever the folder is called.
  CHECK_THAT(report.command, Catch::EndsWith("/trainer'\\''s store' rollback " + std::to_string(good.value)));
  CHECK(outcome_of_latest(trainer) == RecoveryOutcome::halted);
}

TEST_CASE("A halted run that was started again halts at once, until it has come through a probation beyond that step") {
  SampleTrainer trainer;
  trainer.save(10);
  RecoveryOptions options;
  options.probation_steps = 3;
  {
    AutoRecovery recovery = trainer.recovery(options);
    for (int i = 0; i < 4; ++i) recovery.recover("nan_detected", 15, 1);
  }
  trainer.restart();
  AutoRecovery recovery = trainer.recovery(options);
  recovery.resume();
  for (Step step = 11; step <= 17; ++step) recovery.detect_failure(healthy(step));
  SECTION("too early, whatever it is: with what was tried, and without what was not") {
    CHECK(recovery.recover("loss_divergence", 18, 1).action == "max_retries_exceeded");
    const HaltReport report = recovery.halt_report().value();
    CHECK(report.tried.size() == 3);
    CHECK_THAT(report.to_text(), !Catch::Contains("came back") && Catch::Contains("Mend the cause"));
  }
  SECTION("afterwards it has all its attempts again, from the first rung on") {
    recovery.detect_failure(healthy(18));
    CHECK(recovery.get_recovery_report().consecutive_failures == 0);
    CHECK(recovery.recover("nan_detected", 30, 1).action == "rollback_checkpoint");
  }
}

TEST_CASE("An attempt that had nothing left to try counts no more either, after a probation of healthy steps") {
  SampleTrainer trainer;
  trainer.rate = 1e-9;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery({.probation_steps = 3});
  CHECK_FALSE(recovery.recover("gradient_explosion", 15, 1).success);
  CHECK(recovery.get_recovery_report().consecutive_failures == 1);
  for (Step step = 16; step <= 18; ++step) recovery.detect_failure(healthy(step));
  CHECK(recovery.get_recovery_report().consecutive_failures == 0);
}

TEST_CASE("The diagnosis of a halt is told by the catalog, too, when the process has gone") {
  SampleTrainer trainer;
  CHECK_FALSE(last_halt(trainer.store, "demo"));
  const CheckpointId good = trainer.save(10);
  std::string told;
  {
    AutoRecovery recovery = trainer.recovery({.max_retries = 1});
    recovery.detect_failure(with_nan(15));
    recovery.recover("nan_detected", 15, 1);
    CHECK_FALSE(last_halt(trainer.store, "demo"));
    recovery.recover("nan_detected", 15, 1);
    told = recovery.halt_report()->to_json();
  }
  trainer.restart();
  const HaltReport report = last_halt(trainer.store, "demo").value();
  CHECK(report.to_json() == told);
  CHECK(report.last_good == good);
  CHECK(report.errors == Calls{"layer.weight has 3 NaN"});
  CHECK_FALSE(last_halt(trainer.store, "another"));
}

TEST_CASE("A restart forgets neither attempts nor rungs nor cuts") {
  SampleTrainer trainer;
  trainer.save(10);
  {
    AutoRecovery recovery = trainer.recovery();
    recovery.recover("loss_divergence", 15, 1);
    recovery.recover("loss_divergence", 15, 1);
  }
  trainer.restart();
  AutoRecovery recovery = trainer.recovery();
  CHECK(recovery.resume()->step == 10);
  CHECK(trainer.rate == Approx(1e-4));
  CHECK(trainer.epsilon == 0.75);
  CHECK(recovery.recover("loss_divergence", 15, 1).action == "reduce_batch_size");
  CHECK(recovery.recover("loss_divergence", 15, 1).action == "max_retries_exceeded");
}

TEST_CASE("A restart upgrades the precision again, before it restores") {
  SampleTrainer trainer;
  trainer.save(10);
  const auto upgrading = [&] {
    RecoveryTarget target = trainer.target();
    target.upgrade_precision = [&] {
      trainer.calls.emplace_back("upgrade");
      return true;
    };
    return AutoRecovery(trainer.store, *trainer.session, target, patient());
  };
  CHECK(upgrading().recover("condition_number_high", 15, 1).action == "upgrade_precision");
  trainer.restart();
  trainer.calls.clear();
  upgrading().resume();
  CHECK(trainer.calls == Calls{"upgrade", "restore 1"});
}

TEST_CASE("A resume from a checkpoint that has the cut does not cut again") {
  SampleTrainer trainer;
  trainer.save(10);
  {
    AutoRecovery recovery = trainer.recovery();
    recovery.recover("gradient_explosion", 15, 1);
    trainer.save(20);
  }
  trainer.restart();
  AutoRecovery recovery = trainer.recovery();
  CHECK(recovery.resume()->step == 20);
  CHECK(trainer.rate == Approx(1e-4));
}

TEST_CASE("A resume by other means makes the adjustments again: wider before the restore, the knobs after it") {
  SampleTrainer trainer;
  const CheckpointId good = trainer.save(10);
  const auto upgrading = [&] {
    RecoveryTarget target = trainer.target();
    target.upgrade_precision = [&] {
      trainer.calls.emplace_back("upgrade");
      return true;
    };
    return AutoRecovery(trainer.store, *trainer.session, target, patient());
  };
  {
    AutoRecovery recovery = upgrading();
    recovery.recover("condition_number_high", 15, 1);
    recovery.recover("gradient_explosion", 15, 1);
  }
  trainer.restart();
  trainer.calls.clear();
  AutoRecovery recovery = upgrading();
  recovery.prepare_restore();
  CHECK(trainer.calls == Calls{"upgrade"});
  trainer.target().restore(list_checkpoints(trainer.store).at(0));
  CHECK(trainer.rate == 1e-3);
  recovery.note_restored(good);
  CHECK(trainer.rate == Approx(1e-4));
}

TEST_CASE("A checkpoint that was saved by other means is told to the monitor, and older ones go") {
  SampleTrainer trainer;
  RecoveryOptions options;
  options.keep_last = 2;
  AutoRecovery recovery = trainer.recovery(options);
  HealthMonitor monitor;
  recovery.watch(&monitor);
  for (Step step = 10; step <= 40; step += 10) recovery.note_saved(trainer.save(step), step, Stability::stable);
  CHECK(list_checkpoints(trainer.store).size() == 2);
  CHECK(monitor.get_health_dashboard().last_stable_step == 40);
}

TEST_CASE("A new run resumes from nothing, and reset() begins the attempts anew") {
  SampleTrainer trainer;
  AutoRecovery recovery = trainer.recovery();
  CHECK_FALSE(recovery.resume());
  trainer.save(10);
  for (int i = 0; i < 3; ++i) recovery.recover("gradient_explosion", 15, 1);
  recovery.reset();
  CHECK(recovery.get_recovery_report().consecutive_failures == 0);
  CHECK(recovery.recover("gradient_explosion", 15, 1).success);
}

TEST_CASE("An unknown failure is refused before anything is touched") {
  SampleTrainer trainer;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery();
  CHECK(thrown_by([&] { recovery.recover("nan", 15, 1); }).code() == ErrorCode::not_found);
  CHECK(list_recoveries(trainer.store).empty());
}

}  // namespace
}  // namespace lastgood::test
