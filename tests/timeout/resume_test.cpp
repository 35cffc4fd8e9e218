// Going on: from the head, past what cannot be gone on from, never silently from zero.
#include <lastgood/annotate.h>

#include <catch2/catch.hpp>

#include "tests/support/thrown_error.h"
#include "tests/timeout/timed_trainer.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;

namespace {

using Calls = std::vector<std::string>;

/// Restores as the trainer does, but finds these checkpoints damaged.
TimeoutTarget with_damage(TimedTrainer& trainer, std::vector<CheckpointId> damaged) {
  TimeoutTarget target = trainer.target();
  target.restore = [restore = target.restore, damaged = std::move(damaged)](const CheckpointInfo& checkpoint) {
    if (std::find(damaged.begin(), damaged.end(), checkpoint.id) != damaged.end()) {
      throw Error(ErrorCode::corruption, "blob", "a byte has rotted");
    }
    restore(checkpoint);
  };
  return target;
}

}  // namespace

TEST_CASE_METHOD(TimedTrainer, "A run without checkpoints has nothing to resume") {
  TimeoutHandler timeout = handler();
  CHECK_FALSE(timeout.detect_incomplete_training());
  CHECK_FALSE(timeout.auto_resume());
  CHECK(calls.empty());
}

TEST_CASE_METHOD(TimedTrainer, "A run that was left is gone on with from its head, and told what it was") {
  {
    TimeoutHandler timeout = handler();
    save(10);
    weight = 20;
    moment = 7;
    timeout.save_emergency_checkpoint(20, 2, {{"loss", 0.5}}, Stability::stable, R"({"custom_data":3})");
  }
  restart();
  TimeoutHandler timeout = handler();
  REQUIRE(timeout.detect_incomplete_training());
  CHECK(timeout.detect_incomplete_training()->step == 20);
  const auto from = timeout.auto_resume();
  REQUIRE(from);
  CHECK(from->step == 20);
  CHECK(from->epoch == 2);
  CHECK(from->metrics.at("loss") == 0.5);
  CHECK(from->additional_state == R"({"custom_data":3})");
  CHECK(from->timestamp_ms == info(from->checkpoint).created_at_ms);
  CHECK_FALSE(from->completed);
  CHECK_FALSE(from->reduced);
  CHECK(from->passed_over.empty());
  CHECK_FALSE(from->crash_loop);
  CHECK(weight == 20);
  CHECK(moment == 7);
}

TEST_CASE_METHOD(TimedTrainer, "What was restored is verified; where it is not the checkpoint that is an error") {
  save(10);
  save(20);
  restart();
  TimeoutTarget checked = target();
  std::vector<Step> verified;
  SECTION("right") {
    checked.verify = [&](const CheckpointInfo& checkpoint) { verified.push_back(checkpoint.step); };
    CHECK(handler(checked).auto_resume()->step == 20);
    CHECK(verified == std::vector<Step>{20});
  }
  SECTION("wrong: no older one is taken in its place") {
    checked.verify = [&](const CheckpointInfo&) { throw Error(ErrorCode::corruption, "rng", "the generator differs"); };
    const Error error = thrown_by([&] { handler(checked).auto_resume(); });
    CHECK(error.code() == ErrorCode::internal);
    CHECK_THAT(error.what(), Contains("step 20") && Contains("the generator differs"));
    CHECK(calls.size() == 1);
  }
}

TEST_CASE_METHOD(TimedTrainer, "Damaged and unstable checkpoints are passed over, and it says so") {
  const CheckpointId good = save(10, Stability::stable);
  const CheckpointId rotten = save(20, Stability::stable);
  const CheckpointId spoilt = save(30, Stability::unstable);
  restart();
  const auto from = handler(with_damage(*this, {rotten})).auto_resume();
  REQUIRE(from);
  CHECK(from->checkpoint == good);
  CHECK(weight == 10);
  REQUIRE(from->passed_over.size() == 2);
  CHECK(from->passed_over[0].checkpoint == spoilt);
  CHECK_THAT(from->passed_over[0].why, Contains("unstable"));
  CHECK(from->passed_over[1].checkpoint == rotten);
  CHECK_THAT(from->passed_over[1].why, Contains("rotted"));
  CHECK(session->head()->id == good);
  session.reset();
  REQUIRE(events("resumed").size() == 1);
  CHECK(events("resumed")[0].severity == Severity::warning);
}

TEST_CASE_METHOD(TimedTrainer, "An emergency save of a spoilt model is not resumed like any other") {
  {
    TimeoutHandler timeout = handler();
    save(10);
    timeout.save_emergency_checkpoint(20, 2, {{"loss", std::nan("")}});
  }
  restart();
  CHECK(handler().auto_resume()->step == 10);
}

TEST_CASE_METHOD(TimedTrainer, "Where nothing can be resumed it throws, with what stood in the way of each") {
  const CheckpointId rotten = save(10);
  save(20, Stability::unstable);
  restart();
  const Error error = thrown_by([&] { handler(with_damage(*this, {rotten})).auto_resume(); });
  CHECK(error.code() == ErrorCode::corruption);
  CHECK_THAT(error.what(), Contains("step 20): it is unstable") && Contains("step 10): a byte has rotted"));
  CHECK(weight == -1);
}

TEST_CASE_METHOD(TimedTrainer, "Any other failure of a restore is raised as it is") {
  save(10);
  save(20);
  restart();
  TimeoutTarget other = target();
  other.restore = [](const CheckpointInfo&) {
    throw Error(ErrorCode::invalid_argument, "weight", "the model has another shape");
  };
  CHECK_THAT(thrown_by([&] { handler(other).auto_resume(); }).what(), Contains("another shape"));
  CHECK(session->head()->step == 20);
  CHECK(thrown_by([&] { handler(TimeoutTarget{}).auto_resume(); }).subject() == "restore");
}

TEST_CASE_METHOD(TimedTrainer, "A resume that is switched off leaves what is there, and notes that") {
  save(10);
  restart();
  options.enable_auto_resume = false;
  CHECK_FALSE(handler().auto_resume());
  CHECK(calls.empty());
  session.reset();
  CHECK(events("resume_declined").size() == 1);
}

TEST_CASE_METHOD(TimedTrainer, "A completed run stays completed, and its loop has nothing left to do") {
  save(10);
  handler().clear_session_state();
  for (int i = 0; i < 2; ++i) {  // the second time after a session that only looked
    restart();
    TimeoutHandler timeout = handler();
    CHECK_FALSE(timeout.detect_incomplete_training());
    const auto from = timeout.auto_resume();
    REQUIRE(from);
    CHECK(from->completed);
    CHECK(from->step == 10);
    CHECK(weight == 10);
  }
  save(20);  // trained on
  restart();
  TimeoutHandler timeout = handler();
  CHECK(timeout.detect_incomplete_training()->step == 20);
  CHECK_FALSE(timeout.auto_resume()->completed);
}

TEST_CASE_METHOD(TimedTrainer, "A completed run whose head was moved back is incomplete again") {
  const CheckpointId first = save(10);
  save(20);
  handler().clear_session_state();
  session.reset();
  rollback(store, first);
  restart();
  CHECK(handler().detect_incomplete_training()->id == first);
}

TEST_CASE_METHOD(TimedTrainer, "A reduced checkpoint is passed over, unless it is asked for") {
  save(10);
  {
    TimeoutTarget short_of_time = target();
    short_of_time.save = [](const SaveRequest&) { return SaveOutcome{}; };
    options.session_duration_hours = 1.5;
    TimeoutHandler timeout = handler(short_of_time);
    REQUIRE(timeout.save_emergency_checkpoint(20, 2).reduced);
  }
  restart();
  SECTION("passed over") {
    const auto from = handler().auto_resume();
    CHECK(from->step == 10);
    CHECK_THAT(from->passed_over.at(0).why, Contains("reduced"));
  }
  SECTION("asked for") {
    options.resume.accept_reduced = true;
    TimeoutTarget lenient = target();
    lenient.restore = [this](const CheckpointInfo& checkpoint) {
      const TensorSlot slots[] = {{views()[0].spec, &weight}};
      load(store, checkpoint.id, slots);
    };
    const auto from = handler(lenient).auto_resume();
    CHECK(from->step == 20);
    CHECK(from->reduced);
  }
}

TEST_CASE_METHOD(TimedTrainer, "Another device or number of processes is refused before anything is touched") {
  TimeoutTarget here = target();
  here.place = {.device = "cuda:0", .world_size = 2};
  {
    TimeoutHandler timeout = handler(here);
    save(10);
  }
  restart();
  TimeoutTarget there = target();
  SECTION("another number") {
    there.place = {.device = "cuda:0", .world_size = 4};
  }
  SECTION("another device") {
    there.place = {.device = "cpu", .world_size = 2};
  }
  const auto refused = [&](auto resume) {
    options = default_options();
    const Error error = thrown_by([&] { resume(handler(there)); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK_THAT(error.what(), Contains("cuda:0, 2 processes") && Contains("map_place"));
  };
  refused([](TimeoutHandler timeout) { timeout.auto_resume(); });
  refused([&](TimeoutHandler timeout) { timeout.resume_from_checkpoint(session->head()->id); });
  CHECK(calls.empty());
  CHECK(weight == -1);
  options = default_options();
  options.resume.map_place = true;
  CHECK(handler(there).auto_resume()->step == 10);
}

TEST_CASE_METHOD(TimedTrainer, "Another number of the same kind of device is none of the state's affair") {
  TimeoutTarget here = target();
  here.place.device = "cuda:0";
  {
    TimeoutHandler timeout = handler(here);
    save(10);
  }
  restart();
  SECTION("another one") {
    here.place.device = "cuda:3";
  }
  SECTION("one that is not told") {
    here.place.device = "";
  }
  CHECK(handler(here).auto_resume()->step == 10);
}

TEST_CASE_METHOD(TimedTrainer, "A checkpoint that is named is resumed, and becomes the head") {
  const CheckpointId first = save(10);
  save(20);
  { const Session other = store.start_session("other"); }
  TimeoutHandler timeout = handler();
  CHECK(timeout.resume_from_checkpoint(first).step == 10);
  CHECK(weight == 10);
  CHECK(session->head()->id == first);
  CHECK(thrown_by([&] { timeout.resume_from_checkpoint(CheckpointId{99}); }).code() == ErrorCode::not_found);
  Session other = store.start_session("other");
  const CheckpointId foreign = other.save(views(), {.step = 1}).value();
  const Error error = thrown_by([&] { timeout.resume_from_checkpoint(foreign); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK_THAT(error.what(), Contains("run other"));
}
