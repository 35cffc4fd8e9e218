// lastgood recoveries: what failed and what was done.
#include <catch2/catch.hpp>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {
namespace {

void add_recoveries(const SampleStore& sample) {
  Store store = sample.open();
  Session session = store.start_session("demo");
  Recovery first{.step = 90, .epoch = 1, .failure = "loss_divergence", .action = "reduce_lr_10x"};
  first.restored = CheckpointId{2};
  first.resumed_step = 50;
  first.outcome = RecoveryOutcome::relapsed;
  session.record(first);
  session.record(Recovery{.step = 95, .failure = "oom", .action = "reduce_batch_size", .resumed_step = 95});
}

}  // namespace

TEST_CASE("recoveries lists failure, action, checkpoint and outcome, newest first") {
  const BranchedStore sample;
  add_recoveries(sample);
  const Finished listed = lastgood(sample.path(), {"recoveries"});
  CHECK(listed.exit == 0);
  CHECK(without_chance(listed.out) ==
        "STEP RUN AGE FAILURE ACTION BACK TO OUTCOME\n"
        " 95 demo AGE oom reduce_batch_size - probation\n"
        " 90 demo AGE loss_divergence reduce_lr_10x 2 relapsed\n");
}

TEST_CASE("recoveries --json has every field, and the detail as an object") {
  const BranchedStore sample;
  add_recoveries(sample);
  const auto document = lastgood(sample.path(), {"recoveries", "--json"}).json();
  CHECK(document["schema"] == 1);
  REQUIRE(document["recoveries"].size() == 2);
  const auto& older = document["recoveries"][1];
  CHECK(older["step"] == 90);
  CHECK(older["epoch"] == 1);
  CHECK(older["restored"] == 2);
  CHECK(older["resumed_step"] == 50);
  CHECK(older["outcome"] == "relapsed");
  CHECK(older["detail"].is_object());
  CHECK(document["recoveries"][0]["restored"].is_null());
}

TEST_CASE("a run without recoveries has none, and an unknown run is an error") {
  const BranchedStore sample;
  const Finished none = lastgood(sample.path(), {"recoveries"});
  CHECK(none.exit == 0);
  CHECK(none.out.empty());
  CHECK(lastgood(sample.path(), {"recoveries", "--run", "nobody"}).exit == 1);
}

TEST_CASE("recoveries --report tells why a run was halted, and how to go back") {
  const BranchedStore sample;
  add_recoveries(sample);
  CHECK(lastgood(sample.path(), {"recoveries", "--report"}).out.empty());
  {
    Store store = sample.open();
    Session session = store.start_session("demo");
    session.record(
        Recovery{.step = 99, .failure = "oom", .action = "max_retries_exceeded", .outcome = RecoveryOutcome::halted});
  }
  const Finished told = lastgood(sample.path(), {"recoveries", "--report"});
  CHECK(told.exit == 0);
  CHECK_THAT(told.out, Catch::StartsWith("Run demo was halted at step 99, epoch 0: oom came back.\n") &&
                           Catch::Contains("against loss_divergence: reduce_lr_10x, relapsed\n") &&
                           Catch::EndsWith(" rollback 2\n"));
  const auto document = lastgood(sample.path(), {"recoveries", "--report", "--json"}).json();
  CHECK(document["reports"][0]["last_good_step"] == 50);
  CHECK(document["reports"][0]["tried"].size() == 2);
}

}  // namespace lastgood::test
