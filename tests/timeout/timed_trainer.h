// A trainer of two numbers under a time limit, with a store of its own, on a machine that is made up.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <lastgood/history.h>
#include <lastgood/load.h>
#include <lastgood/session.h>
#include <lastgood/timeout.h>

#include "tests/support/temporary_directory.h"
#include "tests/timeout/fake_machine.h"

namespace lastgood::test {

struct TimedTrainer {
  TemporaryDirectory dir;
  FakeMachine machine;
  Store store = Store::create(dir / "store");
  std::unique_ptr<Session> session = std::make_unique<Session>(store.start_session("demo"));
  double weight = 0, moment = 0;
  std::vector<std::string> calls, warnings;
  std::chrono::nanoseconds save_takes{0};  // by the machine's clock
  bool save_fails = false;
  TimeoutOptions options = default_options();

  TimeoutOptions default_options() {
    TimeoutOptions made;
    made.signals = {};  // a test's own affair
    made.machine = &machine;
    made.on_warning = [this](const std::string& what) { warnings.push_back(what); };
    return made;
  }

  std::vector<TensorView> views() const {
    return {{{Section::model, "weight", DType::float64, {}, {}}, &weight, false, {}},
            {{Section::optimizer, "moment", DType::float64, {}, {}}, &moment, false, {}}};
  }

  /// A regular checkpoint of the state after `step` steps.
  CheckpointId save(Step step, Stability stability = Stability::unknown) {
    weight = static_cast<double>(step);
    moment = weight / 2;
    return session->save(views(), {.step = step, .epoch = step / 10, .stability = stability}).value();
  }

  SaveOutcome emergency(const char* call, std::size_t entries, const SaveRequest& request) {
    calls.emplace_back(call);
    machine.pass(save_takes);
    SaveOutcome failed;
    failed.error = Error(ErrorCode::no_space, "disk", "the disk is full");
    if (save_fails) return failed;
    const auto all = views();
    return session->save(std::span(all).first(entries), request);
  }

  TimeoutTarget target() {
    TimeoutTarget target;
    target.restore = [this](const CheckpointInfo& checkpoint) {
      const TensorSlot slots[] = {{views()[0].spec, &weight}, {views()[1].spec, &moment}};
      load(store, checkpoint.id, slots);
      calls.push_back("restore " + std::to_string(checkpoint.id.value));
    };
    target.save = [this](const SaveRequest& request) { return emergency("save", 2, request); };
    target.save_reduced = [this](const SaveRequest& request) { return emergency("save_reduced", 1, request); };
    return target;
  }

  TimeoutHandler handler(TimeoutTarget on) { return {store, *session, std::move(on), std::move(options)}; }
  TimeoutHandler handler() { return handler(target()); }

  /// As a new process of the run.
  void restart() {
    session.reset();
    session = std::make_unique<Session>(store.start_session("demo"));
    weight = moment = -1;
    calls.clear();
    options = default_options();
  }

  CheckpointInfo info(CheckpointId id) const { return find_checkpoint(store, id).value(); }
  std::vector<Event> events(const std::string& kind) const {
    std::vector<Event> found = list_events(store);
    std::erase_if(found, [&](const Event& event) { return event.kind != kind; });
    return found;
  }
};

}  // namespace lastgood::test
