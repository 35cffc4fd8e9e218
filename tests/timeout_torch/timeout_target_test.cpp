// A training state under a time limit: what is restored is verified, and what is reduced holds the model alone.
#include <catch2/catch.hpp>

#include <memory>

#include <lastgood/history.h>
#include <lastgood/load.h>
#include <lastgood/torch/parts.h>
#include <lastgood/torch/timeout.h>

#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"
#include "tests/torch/trainer.h"

namespace lastgood::test {
namespace {

struct Limited {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  std::unique_ptr<Session> session = std::make_unique<Session>(store.start_session("run"));
  Trainer trainer{5};

  TimeoutTarget target(TrainerCounts counts = {}) {
    return timeout_target(store, *session, trainer.state, std::move(counts));
  }
  TimeoutHandler handler(TimeoutTarget on, double hours = 24) {
    TimeoutOptions options;
    options.session_duration_hours = hours;
    options.signals = {};
    return {store, *session, std::move(on), std::move(options)};
  }
  CheckpointInfo save(Step step, std::int64_t epoch = 0) {
    const SaveOutcome saved = target().save({.step = step, .epoch = epoch});
    return find_checkpoint(store, saved.value()).value();
  }
  void verify(const CheckpointInfo& checkpoint, const TrainerCounts& counts = {}) const {
    verify_restored(store, trainer.state, checkpoint, counts);
  }
};

TEST_CASE("An emergency checkpoint is resumed by another process's trainer, to the bit") {
  Trainer straight(5);
  const std::vector<float> losses = straight.train(9);
  Limited t;
  std::vector<float> seen = t.trainer.train(4);
  REQUIRE(t.handler(t.target()).save_emergency_checkpoint(4, 0).ok());
  t.session.reset();
  t.session = std::make_unique<Session>(t.store.start_session("run"));
  Trainer second(17);
  TimeoutHandler timeout = t.handler(timeout_target(t.store, *t.session, second.state));
  CHECK(timeout.auto_resume()->step == 4);
  const std::vector<float> rest = second.train(5);
  seen.insert(seen.end(), rest.begin(), rest.end());
  CHECK(seen == losses);
}

TEST_CASE_METHOD(Limited, "What was restored is the checkpoint's, until a part of it is changed") {
  trainer.train(3);
  const CheckpointInfo checkpoint = save(3, 1);
  CHECK_NOTHROW(verify(checkpoint));
  const auto differs = [&] {
    const Error error = thrown_by([&] { verify(checkpoint); });
    CHECK(error.code() == ErrorCode::internal);
    return std::string(error.subject());
  };
  SECTION("an option of the optimizer's") {
    trainer.optimizer.param_groups().at(0).options().set_lr(0.5);
    CHECK_THAT(differs(), Catch::Contains("optimizer.param_groups"));
  }
  SECTION("the default generator") {
    torch::rand({1});
    CHECK(differs() == "default.cpu");
  }
  SECTION("a private generator") {
    torch::rand({1}, trainer.noise);
    CHECK(differs() == "noise");
  }
  SECTION("a schedule") {
    trainer.halving.step();
    CHECK_FALSE(differs().empty());
  }
  SECTION("the place in the data") {
    std::string place = trainer.position->save_state();
    place.replace(place.find("\"epoch\":0"), 9, "\"epoch\":7");
    trainer.position->load_state(place);
    CHECK(differs() == "data");
  }
}

TEST_CASE_METHOD(Limited, "A trainer that counts itself elsewhere than the checkpoint is told so") {
  trainer.train(1);
  const CheckpointInfo checkpoint = save(3, 1);
  const auto counts = [](Step step, std::int64_t epoch) {
    return TrainerCounts{.step = [step] { return step; }, .epoch = [epoch] { return epoch; }};
  };
  CHECK_NOTHROW(verify(checkpoint, counts(3, 1)));
  CHECK(thrown_by([&] { verify(checkpoint, counts(4, 1)); }).subject() == "step");
  CHECK(thrown_by([&] { verify(checkpoint, counts(3, 2)); }).subject() == "epoch");
}

TEST_CASE_METHOD(Limited, "A restore that forgets a part does not pass for a resume") {
  trainer.train(3);
  save(3);
  torch::rand({1});
  TimeoutTarget forgetful = target();
  forgetful.restore = [](const CheckpointInfo&) {};
  TimeoutHandler timeout = handler(forgetful);
  const Error error = thrown_by([&] { timeout.auto_resume(); });
  CHECK(error.code() == ErrorCode::internal);
  CHECK_THAT(error.what(), Catch::Contains("default.cpu"));
}

TEST_CASE_METHOD(Limited, "A narrower checkpoint that was converted is compared as converted") {
  trainer.train(2);
  const CheckpointInfo checkpoint = save(2);
  REQUIRE(widen(trainer.state, torch::kDouble));
  trainer.state.restore(store, checkpoint.id, {.convert_dtypes = true});
  CHECK_NOTHROW(verify(checkpoint));
  const torch::NoGradGuard no_grad;
  for (auto& [key, state] : trainer.optimizer.state()) {
    static_cast<torch::optim::AdamWParamState&>(*state).exp_avg().add_(1);
  }
  CHECK_THAT(std::string(thrown_by([&] { verify(checkpoint); }).subject()), Catch::Contains("exp_avg"));
}

TEST_CASE_METHOD(Limited,
                 "Where the time will not do, the model alone is saved first, and never taken for everything") {
  trainer.train(2);
  const CheckpointInfo whole = save(2);
  TimeoutTarget on = target();
  CHECK(on.place.device == "cpu");
  on.save = [](const SaveRequest&) -> SaveOutcome { throw Error(ErrorCode::no_space, "disk", "full"); };
  TimeoutHandler timeout = handler(on, 1e-9);
  const EmergencySave saved = timeout.save_emergency_checkpoint(3, 0);
  REQUIRE(saved.reduced);
  for (const EntrySpec& entry : entries(store, *saved.checkpoint)) CHECK(entry.section == Section::model);
  CHECK(entries(store, *saved.checkpoint).size() > 3);
  const auto from = timeout.auto_resume();
  CHECK(from->checkpoint == whole.id);
  CHECK(from->passed_over.at(0).checkpoint == *saved.checkpoint);
}

TEST_CASE_METHOD(Limited, "A state that cannot be captured is a failed save, and no exception") {
  trainer.state.add_json(
      "broken", [] { return std::string("no JSON"); }, [](const std::string&) {});
  TimeoutHandler timeout = handler(target());
  const EmergencySave saved = timeout.save_emergency_checkpoint(1, 0);
  CHECK_FALSE(saved.ok());
  CHECK(saved.error->code() == ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace lastgood::test
