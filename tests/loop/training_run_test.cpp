// A training run resumes, saves when due, recovers, stops in time and finishes, and its parts agree on what happened.
#include <signal.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include <cmath>
#include <stdexcept>
#include <thread>

#include <lastgood/doctor.h>

#include "loop/torch/adjusted.h"
#include "tests/loop/program.h"
#include "tests/support/thrown_error.h"

namespace lastgood::test {
namespace {

using Catch::Contains;

torch::Tensor weight_after(Step steps) {
  World world;
  Program program(world);
  program.train(steps);
  return program.weight().detach().clone();
}

TEST_CASE_METHOD(World, "A run that is interrupted again and again ends with the bits of one that was not") {
  for (const Step until : {3, 7, 8, 16, 19}) {
    Program program(*this, until == 3 ? 1 : 50);  // weights and noise of the others come from the checkpoint
    program.train(until);
  }
  Program last(*this, 99);
  CHECK(last.run.resumed()->step == 15);
  CHECK(was_told("resumed from checkpoint"));
  last.train(23);
  CHECK(last.run.finish() == 0);
  CHECK(torch::equal(last.weight(), weight_after(23)));
}

TEST_CASE_METHOD(World, "A new run saves its first state, then every so many steps, judged, and the last one") {
  {
    Program program(*this);
    CHECK_FALSE(program.run.resumed());
    CHECK(messages == std::vector<std::string>{"the store has no checkpoint of run 'training': it begins at step 0"});
    program.train(12);
    CHECK(program.run.finish() == 0);
  }
  std::vector<Step> steps;
  for (const CheckpointInfo& checkpoint : checkpoints()) {
    steps.push_back(checkpoint.step);
    CHECK(checkpoint.stability == Stability::stable);
    CHECK(checkpoint.kind == CheckpointKind::regular);
    CHECK(checkpoint.metrics.count("loss") == (checkpoint.step > 0 ? 1 : 0));
  }
  CHECK(steps == std::vector<Step>{12, 10, 5, 0});
  CHECK(list_sessions(Store::open_read_only(dir / "store")).at(0).state == SessionState::completed);
}

TEST_CASE_METHOD(World, "A completed run stays completed, and goes on only where more steps are wanted") {
  {
    Program program(*this);
    program.train(10);
    REQUIRE(program.run.finish() == 0);
  }
  const auto before = checkpoints();
  {
    Program again(*this, 2);
    CHECK(again.run.resumed()->completed);
    CHECK_FALSE(again.run.goes_on(10));
    CHECK(again.run.finish() == 0);
  }
  CHECK(checkpoints().size() == before.size());
  Program more(*this, 3);
  CHECK(more.run.goes_on(12));
  more.train(12);
  CHECK(torch::equal(more.weight(), weight_after(12)));
}

TEST_CASE_METHOD(World, "Where there is something to resume and it cannot, it throws: never from zero") {
  { Program program(*this); }
  torch::nn::Linear other(3, 3);
  torch::optim::SGD optimizer(other->parameters(), 0.1);
  CHECK(thrown_by([&] { TrainingRun(dir / "store", other, optimizer, options()); }).code() ==
        ErrorCode::invalid_argument);
}

TEST_CASE_METHOD(World, "Options that make no sense are refused before a store is made") {
  TrainingRunOptions wrong = options();
  if (GENERATE(false, true)) {
    wrong.save_every = 0;
  } else {
    wrong.timeout.machine = nullptr;
  }
  CHECK(thrown_by([&] { Program(*this, std::move(wrong)); }).code() == ErrorCode::invalid_argument);
  CHECK_FALSE(std::filesystem::exists(dir / "store"));
}

TEST_CASE_METHOD(World, "A NaN goes back to the newest checkpoint, and the run ends as if it had never been") {
  Program program(*this);
  const Step at = GENERATE(2, 8);
  program.train(at);
  program.poison();
  CHECK_FALSE(program.step());
  CHECK(program.run.step() == at / 5 * 5);
  CHECK(was_told("nan_detected at step " + std::to_string(at + 1)));
  program.train(14);
  CHECK(program.run.finish() == 0);
  CHECK(torch::equal(program.weight(), weight_after(14)));
}

TEST_CASE_METHOD(World, "After a recovery, monitor, recovery and time limit agree on where the training is") {
  Program program(*this);
  program.train(8);
  REQUIRE(program.run.timeout().save_emergency_checkpoint(8, 0).ok());  // not judged: no place to go back to
  program.poison();
  program.step();
  const CheckpointId restored = program.run.session().head()->id;
  CHECK(program.run.monitor().get_health_dashboard().current_step == 5);
  CHECK(program.run.monitor().get_health_dashboard().last_stable_step == 5);
  CHECK(program.run.recovery().get_recovery_report().rollback_count == 1);
  const EmergencySave saved = program.run.timeout().save_emergency_checkpoint(5, 0);
  CHECK(saved.was_durable);
  CHECK(saved.checkpoint == restored);
}

TEST_CASE_METHOD(World, "A regular checkpoint is not saved again because the time is over") {
  Program program(*this);
  program.train(5);
  program.run.wait_saved();
  const EmergencySave saved = program.run.timeout().save_emergency_checkpoint(5, 0);
  CHECK(saved.was_durable);
  CHECK(saved.checkpoint == program.run.session().head()->id);
}

TEST_CASE_METHOD(World,
                 "Rungs that the trainer has no knob for are left out: the rate is cut again, and nothing halts") {
  Program program(*this);
  program.train(6);
  AutoRecovery& recovery = program.run.recovery();
  CHECK(recovery.recover("loss_divergence", 6, 0).action == "reduce_lr_10x");
  CHECK(recovery.recover("loss_divergence", 6, 0).action == "reduce_lr_10x");
  CHECK(recovery.recover("condition_number_high", 6, 0).action == "upgrade_precision");
}

TEST_CASE_METHOD(World, "What a recovery adjusted outlives a restart from the checkpoint before it") {
  const auto exploding = [&] {
    TrainingRunOptions made = options();
    made.recovery.ladders = {{"too_fast", {{"rollback_checkpoint", "reduce_lr_10x"}}}};
    made.recovery.failures = {{"too_fast", [](const StepMetrics& metrics) { return metrics.step == 8; }}};
    return made;
  };
  {
    Program program(*this, exploding());
    program.train(8, 8);
    CHECK(program.run.step() == 5);
    CHECK(program.optimizer.param_groups()[0].options().get_lr() == Approx(1e-3));
  }
  messages.clear();
  Program again(*this, exploding());
  CHECK(again.run.resumed()->step == 5);
  CHECK(was_told("made again what recoveries had adjusted: optimizer.param_groups.0.lr 0.01 -> 0.001"));
  CHECK_FALSE(was_told("step 0"));
  CHECK(again.optimizer.param_groups()[0].options().get_lr() == Approx(1e-3));
  CHECK(again.run.monitor().get_health_dashboard().current_step == 5);
}

TEST_CASE_METHOD(World, "A resume tells of no adjustment that the checkpoint has itself, and counts the many") {
  const auto knobs = [](std::vector<double> values) {
    RecoveryTarget target;
    for (const double value : values) target.learning_rates.push_back({"rate", [value] { return value; }, {}});
    target.batch_size = {"batch", [] { return 8.0; }, {}};
    return loop::read_knobs(target);
  };
  CHECK(loop::moves(knobs({1, 2}), knobs({1, 2})).empty());
  CHECK(loop::moves(knobs({1, 2}), knobs({1, 0.2})) == "rate 2 -> 0.2");
  CHECK(loop::moves(knobs({1, 1, 1, 1, 1, 1}), knobs({2, 2, 2, 2, 2, 2})) ==
        "rate 1 -> 2, rate 1 -> 2, rate 1 -> 2, rate 1 -> 2 and 2 more");
}

TEST_CASE_METHOD(World, "A failure that comes back at every attempt halts the run, with a diagnosis") {
  Program program(*this);
  program.train(6);
  int failures = 0;
  while (program.run.goes_on(20)) {
    program.poison();
    program.step();
    REQUIRE(++failures < 10);
  }
  CHECK(program.run.finish() == kHaltedExitStatus);
  CHECK(was_told("nan_detected"));
  CHECK(was_told("rollback"));
  CHECK(program.run.session().head()->stability == Stability::stable);
}

TEST_CASE_METHOD(World, "What a scan before a save finds is recovered from, and not saved") {
  TrainingRunOptions scanning_seldom = options();
  scanning_seldom.monitor.check_interval = 1000;
  torch::nn::Linear model(2, 2);
  const torch::Tensor buffer = model->register_buffer("seen", torch::zeros({2}));
  torch::optim::SGD optimizer(model->parameters(), 0.01);
  TrainingRun run(dir / "store", model, optimizer, std::move(scanning_seldom));
  const auto step = [&] {
    const torch::Tensor loss = model->forward(torch::ones({2, 2})).square().mean();
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    run.wait_saved();
    return run.after_step(loss);
  };
  run.goes_on(20);
  while (run.step() < 9) step();
  buffer.fill_(std::nan(""));
  CHECK_FALSE(step());
  CHECK(run.step() == 5);
  CHECK(buffer.abs().sum().item<double>() == 0);
}

TEST_CASE_METHOD(World, "A run that is out of time has saved, stops, and asks to be run again") {
  machine.pass(std::chrono::hours(1));
  TrainingRunOptions limited = options();
  limited.timeout.session_duration_hours = 12;
  limited.save_every = 1000;
  Program program(*this, std::move(limited));
  program.run.goes_on(1'000'000);
  machine.boot = BootTime(std::chrono::hours(12) + std::chrono::minutes(30) - std::chrono::nanoseconds(1));
  CHECK(program.step());
  CHECK(program.run.session().head()->step == 0);
  machine.pass(std::chrono::nanoseconds(1));  // exactly 30:00 are left
  CHECK(program.step());
  CHECK(program.run.session().head()->step == 2);
  CHECK(program.run.session().head()->kind == CheckpointKind::emergency);
  int steps = 0;
  do {
    machine.pass(std::chrono::seconds(1));
    REQUIRE(++steps < 1800);
  } while (program.step());
  CHECK(steps > 1700);  // it was not stopped at the first warning
  CHECK_FALSE(program.run.goes_on(1'000'000));
  CHECK(program.run.finish() == kStoppedExitStatus);
  CHECK(program.run.session().head()->step == program.run.step());
  CHECK(program.run.monitor().get_health_dashboard().last_stable_step == program.run.step());
}

TEST_CASE_METHOD(World, "SIGTERM saves the very step that it came in, and stops") {
  const Quiet quiet(SIGTERM);
  TrainingRunOptions listening = options();
  listening.timeout.signals = {SIGTERM};
  listening.timeout.machine = &this_machine();
  {
    Program program(*this, std::move(listening));
    program.train(7);
    program.run.goes_on(100);
    raise(SIGTERM);
    CHECK_FALSE(program.step());
    CHECK(program.run.finish() == kStoppedExitStatus);
  }
  Program next(*this, 2);
  CHECK(next.run.resumed()->step == 8);
  next.train(11);
  CHECK(torch::equal(next.weight(), weight_after(11)));
}

TEST_CASE_METHOD(World, "A stop in the last step is none: the run completes") {
  const Quiet quiet(SIGTERM);
  TrainingRunOptions listening = options();
  listening.timeout.signals = {SIGTERM};
  listening.timeout.machine = &this_machine();
  Program program(*this, std::move(listening));
  program.train(6);
  program.run.goes_on(7);
  raise(SIGTERM);
  program.step();
  CHECK(program.run.finish() == 0);
}

TEST_CASE_METHOD(World, "What a run does can be looked at from another process within a second or so") {
  Program program(*this);
  program.train(3);
  machine.pass(std::chrono::seconds(1));
  program.train(4);
  const Store other = Store::open_read_only(dir / "store");
  // Written by a thread of the session's: it comes, or the test runs into its time limit.
  while (list_observations(other, {.run = "training"}).size() < 4) std::this_thread::yield();
}

/// Nothing can be written while it lives: every file has its largest size.
class FullDisk {
 public:
  FullDisk() {
    before_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit full{.rlim_cur = 0, .rlim_max = limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &limit_);
    signal(SIGXFSZ, before_);
  }

 private:
  rlimit limit_{};
  void (*before_)(int) = nullptr;
};

TEST_CASE_METHOD(World, "Saves that fail are told and not fatal, and the next one works") {
  Program program(*this);
  program.train(4);
  {
    const FullDisk full;
    program.train(9);
    CHECK(program.run.step() == 9);
    // Not durable, so not complete; the program may be run again.
    CHECK(program.run.finish() == kStoppedExitStatus);
  }
  CHECK(was_told("no checkpoint of step 5"));
  CHECK(was_told("no checkpoint of step 9"));
  CHECK(program.run.session().head()->step == 0);
  program.train(12);
  CHECK(program.run.finish() == 0);
  CHECK(program.run.session().head()->step == 12);
  CHECK(torch::equal(program.weight(), weight_after(12)));
}

TEST_CASE_METHOD(World, "A state that cannot be captured is a failed save, too") {
  torch::nn::Linear model(2, 1);
  TrainingState state;
  state.add_module("model", model);
  bool is_broken = false;
  state.add_json(
      "fragile", [&] { return std::string(is_broken ? "no JSON" : "{}"); }, [](const std::string&) {});
  TrainingRun run(dir / "store", std::move(state), options());
  run.goes_on(100);
  is_broken = true;
  run.wait_saved();
  while (run.step() < 6) CHECK(run.after_step(torch::ones({})));
  CHECK(was_told("no checkpoint of step 5"));
  is_broken = false;
  while (run.step() < 11) CHECK(run.after_step(torch::ones({})));
  run.finish();
  CHECK(run.session().head()->step == 11);
}

TEST_CASE_METHOD(World, "An emergency save that failed is tried once more at the end") {
  const Quiet quiet(SIGTERM);
  TrainingRunOptions listening = options();
  listening.timeout.signals = {SIGTERM};
  listening.timeout.machine = &this_machine();
  Program program(*this, std::move(listening));
  program.train(3);
  program.run.goes_on(100);
  {
    const FullDisk full;
    raise(SIGTERM);
    program.step();
  }
  CHECK(was_told("the emergency save of step 4"));
  CHECK(program.run.finish() == kStoppedExitStatus);
  CHECK(program.run.session().head()->step == 4);
  CHECK(program.run.session().head()->kind == CheckpointKind::emergency);
}

TEST_CASE_METHOD(World, "A lack of memory halves the batch, and every other exception passes on") {
  TrainingRunOptions with_batch = options();
  double batch = 8;
  with_batch.knobs.batch_size = {"batch", [&] { return batch; }, [&](double to) { batch = to; }};
  Program program(*this, std::move(with_batch));
  program.train(3);
  try {
    throw std::bad_alloc();
  } catch (const std::exception& error) {
    program.run.recover_from(error);
  }
  CHECK(batch == 4);
  CHECK(program.run.step() == 3);
  CHECK(program.run.monitor().get_health_dashboard().oom_count == 1);
  const auto other = [&] {
    try {
      throw std::out_of_range("the user's own");
    } catch (const std::exception& error) {
      program.run.recover_from(error);
    }
  };
  CHECK_THROWS_AS(other(), std::out_of_range);
  CHECK(program.run.goes_on(5));
}

TEST_CASE_METHOD(World,
                 "Without a knob for the batch a lack of memory is tried again, and what passes is forgotten in time") {
  TrainingRunOptions brief = options();
  brief.recovery.probation_steps = 2;
  brief.recovery.max_retries = 2;
  brief.monitor.check_interval = 1;
  Program program(*this, std::move(brief));
  const auto run_out = [&] {
    try {
      throw std::bad_alloc();
    } catch (const std::exception& error) {
      program.run.recover_from(error);
    }
  };
  program.train(3);
  for (Step more = 6; more <= 12; more += 3) {
    run_out();
    run_out();
    CHECK(program.run.goes_on(100));
    program.train(more);
    CHECK(program.run.step() == more);
  }
  run_out();
  run_out();
  run_out();
  CHECK_FALSE(program.run.goes_on(100));
  CHECK(program.run.finish() == kHaltedExitStatus);
  CHECK(was_told("oom came back"));
}

TEST_CASE_METHOD(World, "Several modules and optimizers are watched by the names that they were registered by") {
  torch::nn::Linear actor(2, 2), critic(2, 2);
  torch::optim::SGD first(actor->parameters(), 0.1), second(critic->parameters(), 0.1);
  TrainingState state;
  state.add_module("actor", actor);
  state.add_module("critic", critic);
  state.add_optimizer("first", first);
  state.add_optimizer("second", second);
  TrainingRun run(dir / "store", std::move(state), options());
  run.goes_on(100);
  {
    const torch::NoGradGuard no_grad;
    critic->weight.fill_(std::nan(""));
  }
  while (run.step() < 10 && run.after_step(torch::ones({}))) continue;
  CHECK(run.step() == 0);
  const auto recoveries = list_recoveries(run.store());
  REQUIRE(recoveries.size() == 1);
  CHECK_THAT(recoveries[0].detail, Contains("critic.weight"));
}

TEST_CASE_METHOD(World, "The epoch is that of the place in the data, and comes back with everything else") {
  const auto make = [&](auto& position) {
    TrainingState state;
    state.add_data_position("data", position);
    return TrainingRun(dir / "store", std::move(state), options());
  };
  const auto consume = [](std::shared_ptr<DataPosition> position) {
    ResumableSampler sampler(position);
    sampler.reset();
    if (!sampler.next(4)) sampler.reset(), sampler.next(4);
    position->consumed();
  };
  auto position = std::make_shared<DataPosition>(8);
  {
    TrainingRun run = make(*position);
    run.goes_on(100);
    for (int i = 0; i < 7; ++i) {
      consume(position);
      run.after_step({});
    }
    CHECK(run.epoch() == 3);
    run.finish();
  }
  CHECK(checkpoints().at(0).epoch == 3);
  auto again = std::make_shared<DataPosition>(8);
  TrainingRun run = make(*again);
  CHECK(run.resumed()->epoch == 3);
  CHECK(run.epoch() == 3);
}

TEST_CASE_METHOD(World, "Of a run without a place in the data the doctor warns: its counts are no such place") {
  Program program(*this);
  program.train(5);
  REQUIRE(program.run.finish() == 0);
  const Diagnosis diagnosis = doctor(Store::open_read_only(dir / "store"), checkpoints().at(0).id);
  REQUIRE_FALSE(diagnosis.findings.empty());
  CHECK(diagnosis.findings[0].severity == Severity::warning);
  CHECK_THAT(diagnosis.findings[0].message, Contains("the position in the data is unknown"));
}

/// A model of the lower precision, real or complex, that a failure at step 7 upgrades.
struct Narrow {
  torch::nn::Linear model{2, 2};
  torch::Tensor phase = model->register_parameter("phase", torch::ones({2}, torch::kComplexFloat));
  torch::optim::SGD optimizer{model->parameters(), 0.01};
  std::unique_ptr<TrainingRun> run;

  Narrow(World& world, bool* fails) {
    TrainingRunOptions options = world.options();
    options.recovery.ladders = {{"too_narrow", {{"rollback_checkpoint", "upgrade_precision"}}}};
    options.recovery.failures = {{"too_narrow", [fails](const StepMetrics& metrics) {
                                    return metrics.step == 7 && std::exchange(*fails, false);
                                  }}};
    run = std::make_unique<TrainingRun>(world.dir / "store", model, optimizer, std::move(options));
  }
  void train(Step until) {
    while (run->goes_on(until)) {
      const auto type = model->weight.scalar_type();
      const torch::Tensor loss =
          model->forward(torch::ones({2, 2}, type)).square().mean() + torch::abs(phase - 3).sum().to(type);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      run->wait_saved();
      run->after_step(loss);
    }
  }
};

TEST_CASE_METHOD(World, "What was saved after an upgrade of the precision is resumed by a program built without it") {
  bool fails = true;
  const Step until = GENERATE(8, 12);  // before the next checkpoint, which is a wide one, and after it
  torch::Tensor weight, phase;
  {
    Narrow first(*this, &fails);
    first.train(until);
    REQUIRE(first.model->weight.scalar_type() == torch::kDouble);
    REQUIRE(first.phase.scalar_type() == torch::kComplexDouble);
    first.train(14);
    weight = first.model->weight.detach().clone();
    if (until == 12) REQUIRE(first.run->session().head()->step == 10);
  }
  if (until == 8) {
    Store store = Store::open(dir / "store");
    store.start_session("training").rollback(resolve_checkpoint(store, "step:5").id);
  }
  Narrow second(*this, &fails);
  CHECK(second.run->resumed()->step == (until == 8 ? 5 : 10));
  CHECK(was_told("made again what recoveries had adjusted: the precision upgraded"));
  CHECK(second.model->weight.scalar_type() == torch::kDouble);
  CHECK(second.phase.scalar_type() == torch::kComplexDouble);
  second.train(14);
  CHECK(torch::equal(second.model->weight, weight));
}

}  // namespace
}  // namespace lastgood::test
