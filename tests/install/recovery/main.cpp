// A user's program: a number goes bad, and recovery brings it back. Exit status 0: it did.
#include <cmath>
#include <filesystem>

#include <lastgood/load.h>
#include <lastgood/monitor.h>
#include <lastgood/recovery.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::filesystem::remove_all(argv[1]);  // an earlier try's attempts would count
  lastgood::Store store = lastgood::Store::open_or_create(argv[1]);
  lastgood::Session session = store.start_session("demo");
  double weight = 42;
  const lastgood::EntrySpec spec{lastgood::Section::model, "weight", lastgood::DType::float64, {}, {}};

  lastgood::RecoveryTarget target;
  target.restore = [&](const lastgood::CheckpointInfo& checkpoint) {
    const lastgood::TensorSlot slots[] = {{spec, &weight}};
    lastgood::load(store, checkpoint.id, slots);
  };
  target.save = [&](const lastgood::SaveRequest& request) {
    const lastgood::TensorView views[] = {{spec, &weight, false, {}}};
    return session.save(views, request);
  };
  lastgood::AutoRecovery recovery(store, session, target);
  if (!recovery.save_checkpoint(1, 0, {}, true).ok()) return 1;

  weight = std::nan("");
  lastgood::HealthMonitor monitor;
  const auto failure = recovery.detect_failure(monitor.observe({.step = 2, .loss = weight}));
  return failure && recovery.recover(*failure, 2, 0).step == 1 && weight == 42 ? 0 : 1;
}
