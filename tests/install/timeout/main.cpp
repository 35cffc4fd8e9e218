// A user's program: its time is up at once, so it saves, and goes on from there. Exit status 0: it did.
#include <lastgood/load.h>
#include <lastgood/timeout.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  lastgood::Store store = lastgood::Store::open_or_create(argv[1]);
  lastgood::Session session = store.start_session("demo");
  double weight = 42;
  const lastgood::EntrySpec spec{lastgood::Section::model, "weight", lastgood::DType::float64, {}, {}};

  lastgood::TimeoutTarget target;
  target.restore = [&](const lastgood::CheckpointInfo& checkpoint) {
    const lastgood::TensorSlot slots[] = {{spec, &weight}};
    lastgood::load(store, checkpoint.id, slots);
  };
  target.save = [&](const lastgood::SaveRequest& request) {
    const lastgood::TensorView views[] = {{spec, &weight, false, {}}};
    return session.save(views, request);
  };
  lastgood::TimeoutOptions options;
  options.session_duration_hours = 0.001;
  lastgood::TimeoutHandler timeout(store, session, target, std::move(options));
  if (!timeout.check_timeout().should_save) return 1;
  if (!timeout.save_emergency_checkpoint(7, 0).ok()) return 1;

  weight = 0;
  const auto from = timeout.auto_resume();
  return from && from->step == 7 && weight == 42 ? 0 : 1;
}
