// Emergency saves: what they carry, what they do when the time is short, what they do when they fail.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/timeout/timed_trainer.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;

namespace {

using Calls = std::vector<std::string>;

struct Fixture : TimedTrainer {
  Fixture() { options.session_duration_hours = 12; }

  nlohmann::json metadata(CheckpointId id) const { return nlohmann::json::parse(info(id).metadata); }
  nlohmann::json last_outcome() {
    session->flush();
    session.reset();
    return nlohmann::json::parse(events("emergency_save").at(0).detail);
  }
  /// Saves that the store has measured, so that what one takes is known.
  void measure() {
    for (Step step = 1; step <= 3; ++step) save(step);
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "An emergency checkpoint holds the state, its metrics, the session and what the user adds") {
  machine.add_process("self", 3600s);
  measure();
  TimeoutHandler timeout = handler();
  machine.pass(3h);
  weight = 5;
  const EmergencySave saved = timeout.save_emergency_checkpoint(50, 5, {{"loss", 1.25}, {"ppl", 3.5}},
                                                                Stability::stable, R"({"custom_data":[1,2]})");
  REQUIRE(saved.ok());
  const CheckpointInfo checkpoint = info(*saved.checkpoint);
  CHECK(checkpoint.kind == CheckpointKind::emergency);
  CHECK(checkpoint.step == 50);
  CHECK(checkpoint.epoch == 5);
  CHECK(checkpoint.entries == 2);
  CHECK(checkpoint.stability == Stability::stable);
  CHECK(checkpoint.metrics.at("ppl") == 3.5);
  CHECK(checkpoint.is_head);
  const auto note = metadata(checkpoint.id);
  CHECK(note["session"]["elapsed_hours"] == 3.0);
  CHECK(note["session"]["remaining_minutes"] == 9 * 60.0);
  CHECK(note["reduced"] == false);
  CHECK(note["additional_state"]["custom_data"][1] == 2);
}

TEST_CASE_METHOD(Fixture, "A state whose loss is no number is marked as unstable, whatever was said of it") {
  TimeoutHandler timeout = handler();
  for (const double loss : {std::nan(""), HUGE_VAL}) {
    const auto saved =
        timeout.save_emergency_checkpoint(static_cast<Step>(calls.size()), 0, {{"loss", loss}}, Stability::stable);
    CHECK(info(saved.checkpoint.value()).stability == Stability::unstable);
  }
}

TEST_CASE_METHOD(Fixture, "With time enough, by what saves took, everything is saved at once") {
  measure();
  TimeoutHandler timeout = handler();
  timeout.check_timeout();  // hands what the saves cost over to be written
  machine.pass(11h);
  save(4);  // which takes it along
  CHECK(timeout.save_emergency_checkpoint(50, 5).ok());
  CHECK(calls == Calls{"save"});
}

TEST_CASE_METHOD(Fixture, "Where a save's time is not known the model is saved first, and then everything") {
  TimeoutHandler timeout = handler();
  const EmergencySave saved = timeout.save_emergency_checkpoint(50, 5, {}, Stability::stable);
  CHECK(saved.ok());
  CHECK(calls == Calls{"save_reduced", "save"});
  const auto all = list_checkpoints(store);
  REQUIRE(all.size() == 2);
  CHECK(all[0].id == saved.checkpoint);
  CHECK(all[0].is_head);
  CHECK(all[1].entries == 1);
  CHECK(all[1].stability == Stability::unknown);
  CHECK(metadata(all[1].id)["reduced"] == true);
}

TEST_CASE_METHOD(Fixture, "What the time did not do for is told: the model is there, the rest is not") {
  TimeoutTarget short_of_time = target();
  short_of_time.save = [](const SaveRequest&) -> SaveOutcome { throw std::runtime_error("out of time"); };
  TimeoutHandler timeout = handler(short_of_time);
  const EmergencySave saved = timeout.save_emergency_checkpoint(50, 5);
  CHECK_FALSE(saved.ok());
  CHECK(saved.reduced);
  REQUIRE(saved.checkpoint);
  REQUIRE(saved.error);
  CHECK_THAT(saved.error->what(), Contains("out of time"));
  CHECK(timeout.get_status().emergency_checkpoint_saved);
  const auto outcome = last_outcome();
  CHECK(outcome["reduced"] == true);
  CHECK(outcome["checkpoint"] == saved.checkpoint->value);
}

TEST_CASE_METHOD(Fixture, "Without a function for less, everything is tried however short the time is") {
  machine.pass(11h);
  TimeoutTarget all_or_nothing = target();
  all_or_nothing.save_reduced = {};
  CHECK(handler(all_or_nothing).save_emergency_checkpoint(50, 5).ok());
  CHECK(calls == Calls{"save"});
}

TEST_CASE_METHOD(Fixture, "A save that fails throws nothing, is told, and is not due again at once") {
  save_fails = true;
  TimeoutHandler timeout = handler();
  machine.pass(11h + 40min);
  REQUIRE(timeout.check_timeout().should_save);
  const EmergencySave saved = timeout.save_emergency_checkpoint(50, 5);
  CHECK_FALSE(saved.checkpoint);
  REQUIRE(saved.error);
  CHECK(saved.error->code() == ErrorCode::no_space);
  CHECK_FALSE(timeout.get_status().emergency_checkpoint_saved);
  CHECK_FALSE(timeout.check_timeout().should_save);
  machine.pass(10min);  // half of what was left
  CHECK(timeout.check_timeout().should_save);
  const auto outcome = last_outcome();
  CHECK(outcome["checkpoint"].is_null());
  CHECK(outcome["error"] == "the disk is full");
}

TEST_CASE_METHOD(Fixture, "What came of it and how long it took is kept as an event") {
  save_takes = 2s;
  TimeoutTarget whole = target();
  whole.save_reduced = {};
  TimeoutHandler timeout = handler(whole);
  machine.pass(11h);
  const BootTime end = timeout.get_deadline()->at;
  const EmergencySave saved = timeout.save_emergency_checkpoint(50, 5);
  CHECK(saved.took == 2s);
  const double left = std::chrono::duration<double>(end - machine.now()).count();
  const auto outcome = last_outcome();
  CHECK(outcome["seconds"] == 2.0);
  CHECK(outcome["seconds_left"] == left);
  CHECK(outcome["was_durable"] == false);
}

TEST_CASE_METHOD(Fixture, "An additional state that is no JSON object costs that alone, not the checkpoint") {
  TimeoutHandler timeout = handler();
  const EmergencySave saved = timeout.save_emergency_checkpoint(50, 5, {}, Stability::unknown, "[1]");
  CHECK(saved.ok());
  REQUIRE(saved.error);
  CHECK(saved.error->subject() == "additional_state");
  CHECK(metadata(*saved.checkpoint)["additional_state"].empty());
}

TEST_CASE_METHOD(Fixture, "Without a function that saves the outcome says so") {
  TimeoutHandler timeout = handler(TimeoutTarget{});
  const EmergencySave saved = timeout.save_emergency_checkpoint(50, 5);
  REQUIRE(saved.error);
  CHECK_THAT(saved.error->what(), Contains("TimeoutTarget::save"));
}
