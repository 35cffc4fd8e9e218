// lastgood health, events, and what show tells of a failure.
#include <limits>

#include <catch2/catch.hpp>

#include <lastgood/monitor.h>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

/// A run that trained for 30 steps, met a NaN at step 30, went on to a checkpoint, and was rolled back to an earlier
/// one.
class MonitoredStore : public SampleStore {
 public:
  MonitoredStore() {
    Store store = open();
    Session session = store.start_session("demo");
    HealthMonitor monitor;
    monitor.bind(session);
    for (Step step = 1; step <= 25; ++step) observe(monitor, step);
    good = save_sample(session, {.step = 25, .stability = Stability::stable}, 25);
    for (Step step = 26; step < 30; ++step) observe(monitor, step);
    const TensorScan bad{{{.name = "layer.weight", .nan = 3}, {.name = "layer.bias", .nan = 1}}};
    monitor.observe({.step = 30, .loss = 2.5, .gradient_norm = 20, .learning_rate = 0.001, .scan = bad});
    spoilt = save_sample(session, {.step = 30, .stability = Stability::unstable}, 30);
  }

  CheckpointId good, spoilt;

 private:
  static void observe(HealthMonitor& monitor, Step step) {
    StepObservation seen{.step = step, .loss = 2, .gradient_norm = 1, .learning_rate = 0.001};
    if (monitor.scan_is_due(step)) seen.scan = TensorScan{{{.name = "layer.weight"}}};
    monitor.observe(seen);
  }
};

}  // namespace

TEST_CASE("health tells verdicts, numbers and alarms of the run") {
  const MonitoredStore sample;
  const Finished health = lastgood(sample.path(), {"health"});
  CHECK(health.exit == 0);
  CHECK(without_chance(health.out) ==
        "run demo\n"
        "health critical, score 55 of 100\n"
        "step 30, AGE ago\n"
        "last stable checkpoint 1 (step 25)\n"
        "loss 2.5, mean 2.017, trend stable\n"
        "gradient 20, median 1\n"
        "rate 0.001\n"
        "steps of the last 100 steps: 1 critical, 3 healthy, 26 unchecked\n"
        "alarms of the last 100 steps: 1 gradient_explosion, 1 nan_detected\n");
}

TEST_CASE("health --json has the dashboard's 24 keys beside what was recorded") {
  const MonitoredStore sample;
  const auto document = lastgood(sample.path(), {"health", "--json"}).json();
  REQUIRE(document["runs"].size() == 1);
  const auto& run = document["runs"][0];
  CHECK(run["run"] == "demo");
  CHECK(run["health"] == "critical");
  CHECK(run["step"] == 30);
  CHECK(run["last_stable"]["checkpoint"] == 1);
  CHECK(run["last_stable"]["step"] == 25);
  CHECK(run["loss"] == 2.5);
  CHECK(run["gradient_norm"] == 20.0);
  CHECK(run["learning_rate"] == 0.001);
  CHECK(run["window"] == 100);
  CHECK(run["steps"]["unchecked"] == 26);
  CHECK(run["steps"]["warning"] == 0);
  CHECK(run["alarms"]["nan_detected"] == 1);
  CHECK(run["dashboard"].size() == 24);
  CHECK(run["dashboard"]["nan_count"] == 1);
}

TEST_CASE("after a rollback health tells of the branch that is trained on") {
  const MonitoredStore sample;
  {
    Store store = sample.open();
    Session session = store.start_session("demo");
    session.rollback(sample.good);
  }
  const auto run = lastgood(sample.path(), {"health", "--json"}).json()["runs"][0];
  CHECK(run["step"] == 25);
  CHECK(run["alarms"].empty());
  CHECK(run["dashboard"]["health_score"] == 100);
}

TEST_CASE("health of runs that nobody observed says so") {
  const SampleStore sample;
  sample.train("a", 1);
  sample.train("b", 1);
  CHECK(lastgood(sample.path(), {"health"}).out ==
        "run         a\nhealth      nothing was observed yet\n\n"
        "run         b\nhealth      nothing was observed yet\n");
  const auto runs = lastgood(sample.path(), {"health", "--json", "--run", "b"}).json()["runs"];
  REQUIRE(runs.size() == 1);
  CHECK(runs[0]["step"].is_null());
  CHECK(runs[0]["loss"].is_null());
  CHECK(runs[0]["dashboard"].is_null());
}

TEST_CASE("events lists alarms, newest first, and those of a severity alone") {
  const MonitoredStore sample;
  const Finished events = lastgood(sample.path(), {"events"});
  CHECK(events.exit == 0);
  CHECK(without_chance(events.out) ==
        "STEP RUN SESSION AGE SEVERITY KIND MESSAGE\n"
        " 30 demo 1 AGE critical nan_detected NaN in layer.weight, layer.bias\n"
        " 30 demo 1 AGE warning gradient_explosion the gradient exploded: norm 20, median 1\n");
  const auto severe = lastgood(sample.path(), {"events", "--severity", "critical", "--json"}).json()["events"];
  REQUIRE(severe.size() == 1);
  CHECK(severe[0]["kind"] == "nan_detected");
  CHECK(severe[0]["step"] == 30);
  CHECK(severe[0]["run"] == "demo");
  CHECK(severe[0]["detail"]["tensors"][0]["name"] == "layer.weight");
  CHECK(severe[0]["recorded_at"].is_string());
}

TEST_CASE("events can be limited, and asked of one session") {
  const MonitoredStore sample;
  CHECK(lastgood(sample.path(), {"events", "-n", "1", "--json"}).json()["events"].size() == 1);
  CHECK(lastgood(sample.path(), {"events", "-n", "0"}).out.empty());
  CHECK(lastgood(sample.path(), {"events", "--session", "1", "--json"}).json()["events"].size() == 2);
  static_cast<void>(sample.open().start_session("demo"));  // the second, in which nothing happens
  CHECK(lastgood(sample.path(), {"events", "--session", "2", "--json"}).json()["events"].empty());
  const Finished none = lastgood(sample.path(), {"events", "--session", "2"});
  CHECK(none.out.empty());
  CHECK(none.exit == 0);
  CHECK(none.err == "lastgood: no such events yet\n");
}

TEST_CASE("events of a session that is not there, or not of the run, are an error") {
  const MonitoredStore sample;
  sample.train("other", 1);  // session 2
  const Finished absent = lastgood(sample.path(), {"events", "--session", "999", "--json"});
  CHECK(absent.exit == 1);
  CHECK(absent.json()["error"]["code"] == "not_found");
  CHECK(absent.json()["error"]["subject"] == "999");
  CHECK(absent.err ==
        "lastgood: there is no session 999 in this store; `lastgood sessions` lists those that there are\n");
  CHECK(lastgood(sample.path(), {"events", "--session", "2"}).exit == 0);
  CHECK(lastgood(sample.path(), {"events", "--session", "2", "--run", "demo"}).exit == 1);
}

TEST_CASE("events refuses a severity that there is not") {
  const SampleStore sample;
  const Finished events = lastgood(sample.path(), {"events", "--severity", "bad"});
  CHECK(events.exit == 2);
  CHECK(events.err.find("a severity is info, warning or critical, not 'bad'") != std::string::npos);
}

TEST_CASE("show names the tensor that went bad first on the way to the checkpoint, and of no other branch") {
  const MonitoredStore sample;
  const std::string spoilt = std::to_string(sample.spoilt.value), good = std::to_string(sample.good.value);
  CHECK(lastgood(sample.path(), {"show", spoilt}).out.find("went bad    step 30: NaN in layer.weight, layer.bias\n") !=
        std::string::npos);
  const auto shown = lastgood(sample.path(), {"show", spoilt, "--json"}).json()["checkpoint"]["first_non_finite"];
  CHECK(shown["step"] == 30);
  CHECK(shown["kind"] == "nan_detected");
  CHECK(shown["detail"]["tensors"][0] ==
        nlohmann::json{{"name", "layer.weight"}, {"kind", "parameter"}, {"nan", 3}, {"inf", 0}});
  CHECK(lastgood(sample.path(), {"show", good, "--json"}).json()["checkpoint"]["first_non_finite"].is_null());

  CheckpointId again;
  {
    Store store = sample.open();
    Session session = store.start_session("demo");
    session.rollback(sample.good);
    again = save_sample(session, {.step = 50}, 50);
  }
  CHECK(lastgood(sample.path(), {"show", std::to_string(again.value)}).out.find("went bad") == std::string::npos);
}

}  // namespace lastgood::test
