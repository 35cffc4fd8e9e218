// lastgood watch beside a trainer: no save fails on its account. Where the catalog has a rollback journal, a commit
// waits until a look that reads just then is done, for milliseconds; between two looks there is nothing to wait for.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <type_traits>
#include <vector>

#include "cli/run_view.h"
#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"
#include "tests/cli/terminal_process.h"

namespace lastgood::test {

namespace {

using std::chrono::milliseconds;

constexpr int kLooks = 30;
constexpr int kSaves = 30;

/// Looks again and again, on a thread of its own, until the looks are asked for.
template <class Look>
class Watcher {
 public:
  explicit Watcher(Look look)
      : thread_([this, look] {
          while (!stops_) {
            looks_.push_back(look());
            ++count_;
          }
        }) {}
  ~Watcher() { stop(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  int count() const noexcept { return count_; }

  const auto& looks() {
    stop();
    return looks_;
  }

 private:
  void stop() {
    stops_ = true;
    if (thread_.joinable()) thread_.join();
  }

  std::vector<std::invoke_result_t<Look>> looks_;
  std::atomic<int> count_{0};
  std::atomic<bool> stops_{false};
  std::thread thread_;  // the last: it uses the others
};

struct SavingTrainer {
  explicit SavingTrainer(const SampleStore& sample, milliseconds patience = StoreOptions{}.busy_timeout)
      : store(Store::open(sample.path(),
                          {.busy_timeout = patience, .on_warning = [this](const std::string&) { ++warnings; }})),
        session(store.start_session("demo")) {
    train();
  }

  /// One step, saved; REQUIREs that it is.
  void train() {
    ++step;
    session.record(Observation{.step = step, .loss = 2, .gradient_norm = 1});
    save_sample(session, {.step = step}, static_cast<unsigned>(step));
  }

  std::atomic<int> warnings{0};
  Store store;
  Session session;
  Step step = 0;
};

Step newest_step(const Finished& look) {
  return look.json()["checkpoints"][0]["step"];
}

}  // namespace

TEST_CASE("while the command watch looks again and again, all saves succeed, and it shows them") {
  const SampleStore sample;
  SavingTrainer trainer(sample);
  Watcher watcher([&sample] { return lastgood(sample.path(), {"watch", "--json"}); });
  while (watcher.count() < kLooks) trainer.train();
  Step seen = 1;
  for (const Finished& look : watcher.looks()) {
    REQUIRE(look.exit == 0);
    CHECK(look.err == "");
    CHECK(newest_step(look) >= seen);
    seen = newest_step(look);
  }
  CHECK(seen > 1);
  CHECK(trainer.warnings == 0);
  CHECK(newest_step(lastgood(sample.path(), {"watch", "--json"})) == trainer.step);
}

TEST_CASE("looks through a store that stays open hold nothing once they are done") {
  const SampleStore sample;
  SavingTrainer trainer(sample, milliseconds{0});
  const Store watched = Store::open_read_only(sample.path());
  for (int look = 0; look < kLooks; ++look) {
    trainer.train();
    CHECK(cli::look_at_run(watched, {}).checkpoints.at(0).step == trainer.step);
  }
  CHECK(trainer.warnings == 0);
}

TEST_CASE("between two looks watch holds nothing: a trainer that has no patience at all can save") {
  const SampleStore sample;
  SavingTrainer trainer(sample, milliseconds{0});
  TerminalProcess watch({LASTGOOD_COMMAND, "--store", sample.path().string(), "watch", "--interval", "86400"}, 80, 24);
  watch.read_until("Ctrl-C ends");
  for (int save = 0; save < kSaves; ++save) trainer.train();
  watch.type("\x03");
  watch.wait_for_status();
  CHECK(trainer.warnings == 0);
}

}  // namespace lastgood::test
