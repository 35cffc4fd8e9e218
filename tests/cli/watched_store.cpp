#include "tests/cli/watched_store.h"

#include <limits>

#include <lastgood/session_cost.h>

namespace lastgood::test {

WatchedStore::WatchedStore(bool stays_open)
    : store_(std::make_unique<Store>(open())), session_(std::make_unique<Session>(store_->start_session("demo"))) {
  const auto observe = [&](Step step, double loss, Health health) {
    session_->record(
        Observation{.step = step, .loss = loss, .gradient_norm = 1, .learning_rate = 0.5, .health = health});
  };
  session_->record(
      Event{.step = 0, .kind = kSessionDeadline, .detail = R"({"ends_at": 4102488000000, "source": "slurm"})"});
  for (Step step = 21; step <= 25; ++step) observe(step, 2, Health::healthy);
  const CheckpointId good =
      save_sample(*session_, {.step = 25, .stability = Stability::stable, .metrics = {{"loss", 2}}}, 25);
  for (Step step = 26; step < 30; ++step) observe(step, 3, Health::warning);
  observe(30, std::numeric_limits<double>::quiet_NaN(), Health::critical);
  session_->record(
      Event{.step = 30, .kind = "nan_detected", .severity = Severity::critical, .message = "NaN in layer.weight"});
  save_sample(*session_, {.step = 30, .stability = Stability::unstable}, 30);
  session_->rollback(good);
  Recovery recovery{.step = 30, .failure = "nan_detected", .action = "reduce_lr_10x"};
  recovery.restored = good;
  recovery.resumed_step = 25;
  session_->record(recovery);
  for (Step step = 26; step <= 34; ++step) observe(step, 1, Health::healthy);
  observe(35, 1, Health::unchecked);
  save_sample(*session_, {.step = 35, .metrics = {{"loss", 1}}}, 35);
  if (stays_open) return;
  session_.reset();
  store_.reset();
}

}  // namespace lastgood::test
