// An emergency save:
//   1. A state that was saved already, by this process and at this step, is not saved again.
//   2. Where the time left may not do for everything, by what saves took, or where nothing was measured yet: the model
//      first, durable on its own and marked as reduced. What it wrote, the next one need not write.
//   3. Everything. The store commits it whole or not at all, so an end in the middle tears nothing.
//   4. The outcome is recorded, as an event; its cost the session records itself.
//
// A cut within 2 or 3 leaves the newest checkpoint of before, whole. After 2 and before 3 is done the head is the
// reduced one: a resume passes it over for its parent, unless ResumeOptions::accept_reduced says otherwise.
#include "timeout/emergency.h"

#include <cmath>
#include <exception>

#include <lastgood/error.h>
#include <lastgood/telemetry.h>

#include "timeout/handler.h"
#include "timeout/json.h"
#include "timeout/options.h"
#include "timeout/reserve.h"

namespace lastgood {
namespace timeout {

std::string write_note(const EmergencyNote& note) {
  Json extra = parse_json(note.additional_state);
  if (!extra.is_object()) {
    throw Error(ErrorCode::invalid_argument, "additional_state",
                "the additional state is no JSON object: '" + note.additional_state.substr(0, 80) + "'");
  }
  const Json document = {{"session",
                          {{"elapsed_hours", json_number(note.elapsed_hours)},
                           {"remaining_minutes", json_number(note.remaining_minutes)}}},
                         {"reduced", note.reduced},
                         {"additional_state", std::move(extra)}};
  return text_of(document);
}

bool is_reduced(const CheckpointInfo& checkpoint) {
  if (checkpoint.kind != CheckpointKind::emergency) return false;
  const Json document = parse_json(checkpoint.metadata);
  return document.is_object() && document.contains("reduced") && document["reduced"] == true;
}

std::string additional_state(const CheckpointInfo& checkpoint) {
  const Json document = parse_json(checkpoint.metadata);
  if (!document.is_object() || !document.contains("additional_state")) return "{}";
  return text_of(document["additional_state"]);
}

}  // namespace timeout

namespace {

constexpr double kHour = 3600e9, kMinute = 60e9;

/// A NaN must not be resumed like any other state.
Stability verdict(const std::map<std::string, double>& metrics, Stability given) {
  const auto loss = metrics.find("loss");
  const bool spoilt = loss != metrics.end() && !std::isfinite(loss->second);
  return spoilt ? Stability::unstable : given;
}

Error no_save() {
  return {ErrorCode::invalid_argument, "save", "TimeoutTarget::save is empty: nothing can be saved"};
}

/// What functions of the user's throw becomes an outcome.
SaveOutcome call(const std::function<SaveOutcome(const SaveRequest&)>& save, const SaveRequest& request) {
  SaveOutcome failed;
  try {
    return save(request);
  } catch (const Error& error) {
    failed.error = error;
  } catch (const std::exception& error) {
    failed.error = Error(ErrorCode::internal, "save", std::string("the save threw: ") + error.what());
  }
  return failed;
}

timeout::EmergencyNote note_of(const TimeoutHandler::Impl& impl, BootTime now, const std::string& additional) {
  timeout::EmergencyNote note;
  const auto left = impl.remaining(now);
  note.elapsed_hours = static_cast<double>((now - impl.start).count()) / kHour;
  note.remaining_minutes =
      left == std::chrono::nanoseconds::max() ? INFINITY : static_cast<double>(left.count()) / kMinute;
  note.additional_state = additional;
  return note;
}

void record(TimeoutHandler::Impl& impl, const EmergencySave& saved, Step step, BootTime now) {
  const double seconds = std::chrono::duration<double>(saved.took).count();
  const auto left = impl.remaining(now);
  const timeout::Json detail = {
      {"checkpoint", saved.checkpoint ? timeout::Json(saved.checkpoint->value) : timeout::Json()},
      {"reduced", saved.reduced},
      {"was_durable", saved.was_durable},
      {"seconds", seconds},
      {"seconds_left", left == std::chrono::nanoseconds::max()
                           ? timeout::Json()
                           : timeout::Json(std::chrono::duration<double>(left).count())},
      {"error", saved.error ? timeout::Json(saved.error->what()) : timeout::Json()}};
  std::string message = "no emergency checkpoint";
  if (saved.checkpoint) message = "emergency checkpoint " + std::to_string(saved.checkpoint->value);
  if (saved.reduced) message += ", the model first";
  if (saved.error) message += std::string(": ") + saved.error->what();
  impl.session.record(Event{.step = step,
                            .kind = "emergency_save",
                            .severity = saved.ok() ? Severity::info : Severity::critical,
                            .message = message,
                            .detail = timeout::text_of(detail)});
  impl.session.flush();
}

}  // namespace

EmergencySave TimeoutHandler::Impl::save(const SaveRequest& wanted, const std::string& additional, BootTime now) {
  EmergencySave result;
  if (noted && noted->second == wanted.step) {
    const auto head = session.head();
    if (head && head->id == noted->first && head->intact) {
      result.checkpoint = head->id;
      result.was_durable = true;
      return result;
    }
  }
  if (!target.save) {
    result.error = no_save();
    return result;
  }
  SaveRequest request = wanted;
  timeout::EmergencyNote note = note_of(*this, now, additional);
  try {
    static_cast<void>(timeout::write_note(note));
  } catch (const Error& error) {
    result.error = error;  // the state itself is worth more than what came along with it
    note.additional_state = "{}";
  }
  const auto needed =
      timeout::reserve(save_time, std::chrono::nanoseconds::zero(), timeout::from_seconds(options.drain_seconds));
  const bool is_short = outlook.end != BootTime::max() && (!save_time || remaining(now) < needed);
  if (is_short && target.save_reduced) {
    note.reduced = true;
    request.metadata = timeout::write_note(note);
    request.stability = Stability::unknown;  // a verdict would make it a place to go back to
    result.checkpoint = call(target.save_reduced, request).checkpoint;
    result.reduced = result.checkpoint.has_value();
    request.stability = wanted.stability;
    note.reduced = false;
  }
  request.metadata = timeout::write_note(note);
  const SaveOutcome whole = call(target.save, request);
  if (whole.ok()) {
    result.checkpoint = whole.checkpoint;
    result.reduced = false;
  } else {
    result.error = whole.error;
  }
  return result;
}

EmergencySave TimeoutHandler::save_emergency_checkpoint(Step step, std::int64_t epoch,
                                                        std::map<std::string, double> metrics, Stability stability,
                                                        const std::string& additional_state) noexcept {
  EmergencySave result;
  Impl& impl = *impl_;
  const BootTime now = impl.machine.now();
  try {
    if (impl.needs_a_look(now)) impl.look(now);
    stability = verdict(metrics, stability);
    const SaveRequest request{.step = step,
                              .epoch = epoch,
                              .kind = CheckpointKind::emergency,
                              .stability = stability,
                              .metrics = std::move(metrics)};
    result = impl.save(request, additional_state, now);
    result.took = impl.machine.now() - now;
    record(impl, result, step, impl.machine.now());
  } catch (const Error& error) {
    result.error = error;
  } catch (const std::exception& error) {
    result.error = Error(ErrorCode::internal, "emergency save", error.what());
  }
  if (result.ok()) impl.remember(*result.checkpoint, step, now);
  impl.emergency_saved = impl.emergency_saved || result.checkpoint.has_value();
  // A save that failed is not tried again at once either: the next one is due as if it had succeeded.
  impl.attempted = now;
  impl.attention = BootTime{};
  impl.intervals.interrupt();  // the time of a save is no step's
  return result;
}

}  // namespace lastgood
