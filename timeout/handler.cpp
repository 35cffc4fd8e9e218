// A check, from cheap to costly:
//   1. needs_a_look(): has `attention` come, has a source said something new, has a signal come? Usually not, and the
//      answers of the last look stand.
//   2. look(): what came is taken in; once in check_interval_seconds, the reserve is reckoned anew from what saves
//      took.
//   3. The plan (save_plan.h) says whether a save is due and whether it is over; what is new is told and recorded.
// Nothing in it throws: a check that fails warns, and the training goes on with what was known before.
#include "timeout/handler.h"

#include <signal.h>

#include <algorithm>
#include <exception>
#include <limits>

#include <lastgood/session_cost.h>
#include <lastgood/telemetry.h>

#include "timeout/emergency.h"
#include "timeout/options.h"
#include "timeout/platform.h"
#include "timeout/reserve.h"
#include "timeout/resume.h"
#include "timeout/times.h"

namespace lastgood {
namespace {

using std::chrono::nanoseconds;

constexpr double kMinute = 60e9;
constexpr std::uint64_t kSaves = 256;          // the newest of the store, from which a save's time is reckoned
constexpr std::chrono::minutes kLsfGrace{10};  // between SIGUSR2 and the kill: IBM Spectrum LSF, "Runtime limit"
constexpr double kSlowStep = 0.99;

TimeoutOptions checked(TimeoutOptions options) {
  timeout::check_options(options);
  return options;
}

/// The largest of the run's latest: a reduced one tells nothing of the whole state.
std::uint64_t state_bytes(const Store& store, const std::string& run) {
  constexpr std::uint64_t kLatest = 16;
  std::uint64_t bytes = 0;
  for (const SaveCost& cost : list_save_costs(store, run, kLatest)) {
    if (cost.checkpoint) bytes = std::max(bytes, cost.bytes_logical);
  }
  return bytes;
}

}  // namespace

TimeoutHandler::Impl::Impl(Store& in, Session& by, TimeoutTarget on, TimeoutOptions with)
    : store(in),
      session(by),
      target(std::move(on)),
      options(checked(std::move(with))),
      machine(*options.machine),
      is_colab(timeout::is_colab(machine)),
      start(timeout::session_start(machine)),
      start_wall_ms(timeout::wall_ms(machine, start)),
      board(machine, timeout::all_sources(machine, options, start), [this](const std::string& what) { warn(what); }),
      signals(options.signals),
      watch(board) {
  outlook.threshold = timeout::from_minutes(options.warning_threshold_minutes);
  if (const auto head = session.head()) last_step = head->step;
  timeout::record_place(session, target.place, last_step);
  board_end = board.earliest();
  outlook.end = end();
  deadline_note.tell(session, last_step, deadline(), machine);
}

void TimeoutHandler::Impl::warn(const std::string& what) const noexcept {
  if (options.on_warning) options.on_warning(what);
}

bool TimeoutHandler::Impl::needs_a_look(BootTime now) const noexcept {
  return now >= attention || board.earliest() != board_end || (!stop_notice && signals.stop()) ||
         (!warning_notice && signals.warning());
}

void TimeoutHandler::Impl::listen(BootTime now) {
  // A handler reads the machine's real clock, whichever is used here.
  const auto heard = [now](const timeout::Notice& notice) {
    return timeout::Notice{notice.signal, now - (BootClock::now() - notice.at)};
  };
  bool is_new = false;
  if (const auto notice = signals.stop(); notice && !stop_notice) {
    stop_notice = heard(*notice);
    is_new = true;
  }
  if (const auto notice = signals.warning(); notice && !warning_notice) {
    warning_notice = heard(*notice);
    is_new = true;
  }
  if (!is_new) return;
  outlook.called = stop_notice ? stop_notice->at : warning_notice->at;
  warned = false;  // there is something new to tell
}

BootTime TimeoutHandler::Impl::end() const noexcept {
  BootTime end = board_end;
  const auto grace = timeout::from_seconds(options.signal_grace_seconds);
  if (stop_notice) end = std::min(end, stop_notice->at + grace);
  if (!warning_notice) return end;
  if (warning_notice->signal == SIGUSR2 && machine.environment("LSB_JOBID")) {
    return std::min(end, warning_notice->at + kLsfGrace);
  }
  // A batch system sends it some time before an end that another source knows; where none does, it is taken for one.
  return end == BootTime::max() ? warning_notice->at + grace : end;
}

std::optional<Deadline> TimeoutHandler::Impl::deadline() const {
  if (outlook.end == BootTime::max()) return std::nullopt;
  auto from_source = board.deadline();
  if (from_source && from_source->at <= outlook.end) return from_source;
  const auto& notice = stop_notice ? stop_notice : warning_notice;
  if (!notice) return from_source;  // it was put off since that look
  return Deadline{outlook.end, "signal", timeout::signal_name(notice->signal) + " came"};
}

void TimeoutHandler::Impl::reckon(BootTime now) {
  session.flush();  // what saves have cost, for the next time, and the steps, for whoever comes after a crash
  const auto costs = list_save_costs(store, std::nullopt, kSaves);
  save_time = timeout::save_time(costs, state_bytes(store, session.run()));
  outlook.reserve =
      timeout::reserve(save_time, intervals.quantile(kSlowStep), timeout::from_seconds(options.drain_seconds));
  next_reckoning = now + timeout::from_seconds(options.check_interval_seconds);
}

void TimeoutHandler::Impl::tell_of_the_end(BootTime now) {
  if (warned) return;
  warned = true;
  std::string why = "the end is near";
  if (stop_notice) {
    why = timeout::signal_name(stop_notice->signal) + " came";
  } else if (warning_notice) {
    why = timeout::signal_name(warning_notice->signal) + " came";
  } else if (const auto deadline = board.deadline()) {
    why = deadline->source + ": " + deadline->why;
  }
  const auto seconds = std::chrono::round<std::chrono::seconds>(remaining(now)).count();
  const std::string message = why + "; " + std::to_string(seconds) + " s left";
  session.record(Event{.step = last_step, .kind = kSessionEnding, .severity = Severity::warning, .message = message});
  session.flush();
  warn(message);
}

void TimeoutHandler::Impl::look(BootTime now) noexcept try {
  board_end = board.earliest();
  listen(now);
  if (now >= next_reckoning) {
    next_reckoning = now + timeout::from_seconds(options.check_interval_seconds);  // also where this one fails
    try {
      reckon(now);
    } catch (const std::exception& error) {
      warn(std::string("what a save takes could not be reckoned: ") + error.what());
    }
  }
  outlook.end = end();
  deadline_note.tell(session, last_step, deadline(), machine);
  const BootTime save_at = timeout::next_save(outlook, attempted);
  due = now >= save_at;
  const bool asked_to_stop = stop_notice && attempted && *attempted >= stop_notice->at;
  over = !due && (asked_to_stop || timeout::is_over(outlook, attempted, now));
  attention = std::min(next_reckoning, save_at);
  if (outlook.end == BootTime::max()) return;
  const BootTime warn_at =
      outlook.called ? *outlook.called : outlook.end - std::max(outlook.threshold, outlook.reserve);
  if (now >= warn_at) tell_of_the_end(now);
  if (!warned) attention = std::min(attention, warn_at);
  if (now < outlook.end) attention = std::min(attention, outlook.end);
} catch (const std::exception& error) {
  warn(std::string("the time left could not be told: ") + error.what());
}

nanoseconds TimeoutHandler::Impl::remaining(BootTime now) const noexcept {
  if (outlook.end == BootTime::max()) return nanoseconds::max();
  return std::max(outlook.end - now, nanoseconds::zero());
}

void TimeoutHandler::Impl::remember(CheckpointId checkpoint, Step step, BootTime at) noexcept {
  noted = {checkpoint, step};
  attempted = at;
  last_step = step;
  attention = BootTime{};
  suspects_crash_loop = false;
}

TimeoutHandler::TimeoutHandler(Store& store, Session& session, TimeoutTarget target, TimeoutOptions options)
    : impl_(std::make_unique<Impl>(store, session, std::move(target), std::move(options))) {}
TimeoutHandler::TimeoutHandler(TimeoutHandler&&) noexcept = default;
TimeoutHandler::~TimeoutHandler() = default;

nanoseconds TimeoutHandler::get_elapsed_time() const {
  return impl_->machine.now() - impl_->start;
}

nanoseconds TimeoutHandler::get_remaining_time() const {
  const BootTime now = impl_->machine.now();
  if (impl_->needs_a_look(now)) impl_->look(now);
  return impl_->remaining(now);
}

bool TimeoutHandler::should_save_emergency_checkpoint() const {
  const BootTime now = impl_->machine.now();
  if (impl_->needs_a_look(now)) impl_->look(now);
  return impl_->due;
}

TimeoutCheck TimeoutHandler::check_timeout(std::optional<Step> step) noexcept {
  Impl& impl = *impl_;
  if (step) impl.last_step = *step;
  const BootTime now = impl.machine.now();
  impl.intervals.add(now, step);
  if (impl.suspects_crash_loop) impl.session.flush();
  if (impl.needs_a_look(now)) impl.look(now);
  const auto remaining = impl.remaining(now);
  TimeoutCheck check;
  check.should_save = impl.due;
  check.remaining_minutes = remaining == nanoseconds::max() ? std::numeric_limits<double>::infinity()
                                                            : static_cast<double>(remaining.count()) / kMinute;
  check.elapsed_minutes = static_cast<double>((now - impl.start).count()) / kMinute;
  check.warning_issued = impl.warned;
  check.is_colab = impl.is_colab;
  check.should_stop = impl.over;
  return check;
}

void TimeoutHandler::note_checkpoint(CheckpointId checkpoint, Step step, std::optional<BootTime> taken) {
  impl_->remember(checkpoint, step, taken.value_or(impl_->machine.now()));
}

TimeoutOptions ColabTimeoutHandler::default_options() {
  TimeoutOptions options;
  options.session_duration_hours = 12;
  return options;
}

ColabTimeoutHandler::ColabTimeoutHandler(Store& store, Session& session, TimeoutTarget target, TimeoutOptions options)
    : TimeoutHandler(store, session, std::move(target), std::move(options)) {}

}  // namespace lastgood
