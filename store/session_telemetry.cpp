// What a session records besides checkpoints. A trainer must not stop for it: what fails is told as a warning.
#include "store/session_impl.h"

namespace lastgood {

template <class Action>
void Session::Impl::warn_of_failure(const char* what, const Action& action) const noexcept {
  try {
    action();
  } catch (const std::exception& error) {
    store.warn("run '" + run + "': " + what + ": " + error.what());
  }
}

template <class Record>
void Session::Impl::note(const Record& record) noexcept {
  warn_of_failure("a record was dropped", [&] {
    check_usable();
    if (telemetry->add(record)) queue.wake();
  });
}

void Session::Impl::note_cost(SaveHandle::State& save) noexcept {
  const SaveCost cost = cost_of(save.so_far(), save.step, save.kind);
  // Not note(): it might begin a write, and the caller takes the session for idle now.
  warn_of_failure("a save's cost was dropped", [&] { static_cast<void>(telemetry->add(cost)); });
}

void Session::Impl::write_telemetry() noexcept {
  warn_of_failure("telemetry could not be written, and waits for the next time", [this] { telemetry->write(); });
}

// Who calls record() gets no error and waits for no disk: a full batch wakes the queue's thread, which writes it
// between saves. A recovery is the exception: what was done to a training is durable before the training goes on.
void Session::record(const Observation& observation) noexcept {
  impl_->note(observation);
}

void Session::record(const Event& event) noexcept {
  impl_->note(event);
}

RecoveryId Session::record(const Recovery& recovery) {
  impl_->check_usable();
  return impl_->telemetry->write_with(recovery);
}

void Session::flush() noexcept {
  impl_->warn_of_failure("the telemetry was not flushed", [this] {
    impl_->check_usable();
    impl_->queue.wake();
  });
}

}  // namespace lastgood
