// Several deadline sources at once, and the thread that asks them.
#include <future>

#include <catch2/catch.hpp>

#include "tests/timeout/fake_machine.h"
#include "timeout/deadline_watch.h"

using namespace lastgood;
using namespace lastgood::test;
using namespace lastgood::timeout;

namespace {

/// Says what the test does; shared, so that it can be changed after the board has taken it.
struct Script {
  std::string name = "scripted";
  std::optional<BootTime> end = {};
  std::string trouble = {};
  std::optional<Interval> interval = {};
  int asked = 0;
  std::function<void()> when_asked = [] {};
};

class Scripted final : public DeadlineSource {
 public:
  explicit Scripted(std::shared_ptr<Script> script) : script_(std::move(script)) {}
  std::string name() const override { return script_->name; }
  std::optional<Interval> interval() const override { return script_->interval; }
  std::optional<Deadline> ask() override {
    ++script_->asked;
    script_->when_asked();
    if (!script_->trouble.empty()) throw Error(ErrorCode::io, script_->name, script_->trouble);
    return script_->end ? std::optional(Deadline{*script_->end, name(), "it says so"}) : std::nullopt;
  }

 private:
  std::shared_ptr<Script> script_;
};

struct Fixture {
  FakeMachine machine;
  std::vector<std::string> warnings;
  std::shared_ptr<Script> fixed = std::make_shared<Script>();
  std::shared_ptr<Script> recurring = std::make_shared<Script>();

  Fixture() {
    recurring->name = "recurring";
    recurring->interval = 60s;
  }
  DeadlineSources sources() const {
    DeadlineSources list;
    list.push_back(std::make_unique<Scripted>(fixed));
    list.push_back(std::make_unique<Scripted>(recurring));
    return list;
  }
  WarnFn warn() {
    return [this](const std::string& what) { warnings.push_back(what); };
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "Of several ends the earliest wins, by name") {
  DeadlineBoard board(machine, sources(), warn());
  CHECK(board.earliest() == BootTime::max());
  CHECK_FALSE(board.deadline());
  fixed->end = machine.now() + 2h;
  board.ask_once();
  CHECK(board.deadline()->source == "scripted");
  recurring->end = machine.now() + 1h;
  CHECK(board.ask_due() == 60s);
  CHECK(board.earliest() == machine.now() + 1h);
  CHECK(board.deadline()->source == "recurring");
}

TEST_CASE_METHOD(Fixture, "A fixed source is asked once, another when its interval has passed") {
  DeadlineBoard board(machine, sources(), warn());
  for (int i = 0; i < 3; ++i) board.ask_once();
  CHECK(fixed->asked == 1);
  CHECK(recurring->asked == 0);
  board.ask_due();
  machine.pass(59s);
  CHECK(board.ask_due() == 1s);
  CHECK(recurring->asked == 1);
  machine.pass(1s);
  CHECK(board.ask_due() == 60s);
  CHECK(recurring->asked == 2);
  CHECK(fixed->asked == 1);
}

TEST_CASE_METHOD(Fixture, "An end that is called off is forgotten, one that is put off moves") {
  recurring->end = machine.now() + 1h;
  DeadlineBoard board(machine, sources(), warn());
  board.ask_due();
  machine.pass(60s);
  recurring->end = machine.now() + 5h;
  board.ask_due();
  CHECK(board.earliest() == machine.now() + 5h);
  machine.pass(60s);
  recurring->end.reset();
  board.ask_due();
  CHECK(board.earliest() == BootTime::max());
}

TEST_CASE_METHOD(Fixture, "A source that cannot tell warns once, and what it said before stands") {
  recurring->end = machine.now() + 1h;
  DeadlineBoard board(machine, sources(), warn());
  board.ask_due();
  recurring->trouble = "no answer";
  for (int i = 0; i < 3; ++i) {
    machine.pass(60s);
    board.ask_due();
  }
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], Catch::Contains("recurring") && Catch::Contains("no answer"));
  CHECK(board.deadline().has_value());
  recurring->trouble.clear();
  machine.pass(60s);
  board.ask_due();
  recurring->trouble = "no answer";
  machine.pass(60s);
  board.ask_due();
  CHECK(warnings.size() == 2);
}

TEST_CASE_METHOD(Fixture, "The watch asks the fixed ones at once, and the others on a thread of its own") {
  std::promise<std::thread::id> asked_on;
  recurring->when_asked = [&] {
    if (recurring->asked == 1) asked_on.set_value(std::this_thread::get_id());
  };
  fixed->end = machine.now() + 1h;
  DeadlineBoard board(machine, sources(), warn());
  const DeadlineWatch watch(board);
  CHECK(board.earliest() == machine.now() + 1h);
  CHECK(asked_on.get_future().get() != std::this_thread::get_id());
}

TEST_CASE_METHOD(Fixture, "Where all sources are fixed no thread is started") {
  recurring->interval.reset();
  DeadlineBoard board(machine, sources(), warn());
  CHECK_FALSE(board.has_recurring());
  const DeadlineWatch watch(board);
  CHECK(recurring->asked == 1);
}
