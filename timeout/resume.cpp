// A resume:
//   1. A run without checkpoints has nothing to resume. One that was completed is restored, and named so.
//   2. The place is compared, before anything is touched: device and number of processes.
//   3. A crash loop is looked for in the records of sessions.
//   4. From the head on to its ancestors: what is unstable, damaged or reduced is passed over, and told.
//   5. What was restored is verified, and becomes the head.
// Where nothing could be restored it throws, and names what stood in the way of each.
#include "timeout/resume.h"

#include <exception>
#include <utility>

#include <lastgood/error.h>
#include <lastgood/history.h>
#include <lastgood/telemetry.h>

#include "timeout/crash_loop.h"
#include "timeout/emergency.h"
#include "timeout/handler.h"
#include "timeout/json.h"

namespace lastgood {
namespace timeout {
namespace {

constexpr char kPlace[] = "session_place";

std::string kind_of_device(const std::string& device) {
  return device.substr(0, device.find(':'));
}

}  // namespace

void record_place(Session& session, const Place& place, Step step) {
  const Json detail = {{"device", place.device}, {"world_size", place.world_size}};
  session.record(Event{.step = step,
                       .kind = kPlace,
                       .message = "device " + (place.device.empty() ? "not told" : place.device) + ", " +
                                  std::to_string(place.world_size) + " in all",
                       .detail = text_of(detail)});
}

std::optional<Place> place_of(const Store& store, const CheckpointInfo& checkpoint) {
  for (const Event& event : list_events(store, {.session = checkpoint.session})) {
    if (event.kind != kPlace) continue;
    const Json detail = parse_json(event.detail);
    const auto size = detail.find("world_size");
    if (size == detail.end() || !size->is_number_integer()) return std::nullopt;
    return Place{text_at(detail, "device"), size->get<int>()};
  }
  return std::nullopt;
}

bool fits(const Place& saved, const Place& here) {
  if (saved.world_size != here.world_size) return false;
  return saved.device.empty() || here.device.empty() || kind_of_device(saved.device) == kind_of_device(here.device);
}

bool is_completed(const Store& store, const CheckpointInfo& head) {
  std::map<SessionId, CheckpointId> newest;
  for (const CheckpointInfo& checkpoint : list_checkpoints(store, {.run = head.run})) {
    newest.try_emplace(checkpoint.session, checkpoint.id);  // they come newest first
  }
  for (const SessionInfo& session : list_sessions(store, head.run)) {
    if (session.state != SessionState::completed) continue;
    const auto saved = newest.find(session.id);
    const auto left = saved != newest.end() ? std::optional(saved->second) : session.resumed_from;
    if (left == head.id) return true;
  }
  return false;
}

}  // namespace timeout

namespace {

std::string name_of(CheckpointId id, Step step) {
  return "checkpoint " + std::to_string(id.value) + " (step " + std::to_string(step) + ")";
}

std::string in_words(const Place& place) {
  return (place.device.empty() ? "an unnamed device" : place.device) + ", " + std::to_string(place.world_size) +
         (place.world_size == 1 ? " process" : " processes");
}

void require_restore(const TimeoutTarget& target) {
  if (target.restore) return;
  throw Error(ErrorCode::invalid_argument, "restore", "TimeoutTarget::restore is empty: nothing can be resumed");
}

/// Before anything is touched.
void require_place(const TimeoutHandler::Impl& impl, const CheckpointInfo& checkpoint) {
  if (impl.options.resume.map_place) return;
  const auto saved = timeout::place_of(impl.store, checkpoint);
  if (!saved || timeout::fits(*saved, impl.target.place)) return;
  throw Error(ErrorCode::invalid_argument, name_of(checkpoint.id, checkpoint.step),
              name_of(checkpoint.id, checkpoint.step) + " was saved on " + in_words(*saved) + "; this is " +
                  in_words(impl.target.place) +
                  ". Nothing was touched: resume as it was, or set ResumeOptions::map_place where restore maps it");
}

void restore(const TimeoutHandler::Impl& impl, const CheckpointInfo& checkpoint) {
  impl.target.restore(checkpoint);
  if (!impl.target.verify) return;
  try {
    impl.target.verify(checkpoint);
  } catch (const std::exception& error) {
    // Not to be taken for damage, which would lead to an older checkpoint: what restores has a fault.
    throw Error(ErrorCode::internal, name_of(checkpoint.id, checkpoint.step),
                "what was restored is not " + name_of(checkpoint.id, checkpoint.step) + ": " + error.what());
  }
}

ResumeInfo info_of(const CheckpointInfo& checkpoint) {
  ResumeInfo info;
  info.checkpoint = checkpoint.id;
  info.step = checkpoint.step;
  info.epoch = checkpoint.epoch;
  info.metrics = checkpoint.metrics;
  info.additional_state = timeout::additional_state(checkpoint);
  info.timestamp_ms = checkpoint.created_at_ms;
  info.reduced = timeout::is_reduced(checkpoint);
  return info;
}

/// Why a checkpoint is passed over; empty where it is not.
std::string objection(const CheckpointInfo& checkpoint, const ResumeOptions& options) {
  if (checkpoint.stability == Stability::unstable) return "it is unstable";
  if (!checkpoint.intact) return "it is marked as damaged";
  if (timeout::is_reduced(checkpoint) && !options.accept_reduced) return "it is reduced: the model without the rest";
  return {};
}

[[noreturn]] void throw_nothing_left(const std::string& run, const std::vector<PassedOver>& passed_over) {
  std::string text = "run " + run + " has checkpoints, and none can be resumed";
  for (const PassedOver& one : passed_over) text += "; " + name_of(one.checkpoint, one.step) + ": " + one.why;
  throw Error(ErrorCode::corruption, run,
              text + ". `lastgood verify` tells of damage; begin a run of another name to start from zero");
}

void record_resume(Session& session, const ResumeInfo& info) {
  timeout::Json passed_over = timeout::Json::array();
  for (const PassedOver& one : info.passed_over) {
    passed_over.push_back({{"checkpoint", one.checkpoint.value}, {"step", one.step}, {"why", one.why}});
  }
  const timeout::Json detail = {{"checkpoint", info.checkpoint.value}, {"passed_over", std::move(passed_over)}};
  session.record(Event{.step = info.step,
                       .kind = "resumed",
                       .severity = info.passed_over.empty() ? Severity::info : Severity::warning,
                       .message = "went on from " + name_of(info.checkpoint, info.step) + ", " +
                                  std::to_string(info.passed_over.size()) + " newer passed over",
                       .detail = timeout::text_of(detail)});
  if (info.crash_loop) {
    session.record(Event{
        .step = info.step, .kind = "crash_loop", .severity = Severity::critical, .message = info.crash_loop->advice});
  }
  session.flush();
}

/// Walks to the first that can be restored; what it passed over is in `passed_over`. Session::resume() does the
/// walking, and moves the head once the restore has succeeded. What is passed over for another reason than damage is
/// told to it as damage, since that is what it goes on from.
CheckpointInfo walk(TimeoutHandler::Impl& impl, std::optional<CheckpointId> up_to,
                    std::vector<PassedOver>& passed_over) {
  bool reached = !up_to, exhausted = false;
  const auto attempt = [&](const CheckpointInfo& checkpoint) {
    reached = reached || checkpoint.id == *up_to;
    std::string why = objection(checkpoint, impl.options.resume);
    if (!reached) why = "the run dies after it";
    if (!why.empty()) throw Error(ErrorCode::corruption, name_of(checkpoint.id, checkpoint.step), why);
    require_place(impl, checkpoint);
    restore(impl, checkpoint);
  };
  const auto skipped = [&](const CheckpointInfo& checkpoint, const Error& why) {
    passed_over.push_back({checkpoint.id, checkpoint.step, why.what()});
    exhausted = !checkpoint.parent;
  };
  try {
    if (const auto found = impl.session.resume(attempt, skipped)) return *found;
  } catch (const Error&) {
    if (!exhausted) throw;
  }
  throw_nothing_left(impl.session.run(), passed_over);
}

void skip_batches(TimeoutHandler::Impl& impl, ResumeInfo& info) {
  const CrashLoop& loop = *info.crash_loop;
  if (impl.options.resume.on_crash_loop != CrashLoopAction::skip_batches || !loop.step || !impl.target.skip_batches) {
    return;
  }
  if (impl.target.skip_batches(info.step + 1, *loop.step)) info.skipped_to = loop.step;
}

}  // namespace

std::optional<CheckpointInfo> TimeoutHandler::detect_incomplete_training() const {
  auto head = impl_->session.head();
  if (!head || timeout::is_completed(impl_->store, *head)) return std::nullopt;
  return head;
}

ResumeInfo TimeoutHandler::resume_from_checkpoint(CheckpointId id) {
  require_restore(impl_->target);
  const auto checkpoint = find_checkpoint(impl_->store, id);
  const std::string name = std::to_string(id.value);
  if (!checkpoint) throw Error(ErrorCode::not_found, name, "there is no checkpoint " + name);
  if (checkpoint->run != impl_->session.run()) {
    throw Error(
        ErrorCode::invalid_argument, name,
        "checkpoint " + name + " belongs to run " + checkpoint->run + ", the session to run " + impl_->session.run());
  }
  require_place(*impl_, *checkpoint);
  restore(*impl_, *checkpoint);
  if (!checkpoint->is_head) impl_->session.rollback(id);
  ResumeInfo info = info_of(*checkpoint);
  impl_->remember(id, info.step, impl_->machine.now());
  record_resume(impl_->session, info);
  return info;
}

// Records come last: an event that says "resumed" is only written when it is true.
std::optional<ResumeInfo> TimeoutHandler::auto_resume() {
  Impl& impl = *impl_;
  const auto head = impl.session.head();
  if (!head) return std::nullopt;
  if (!impl.options.enable_auto_resume) {
    impl.session.record(Event{.step = head->step,
                              .kind = "resume_declined",
                              .severity = Severity::warning,
                              .message = "enable_auto_resume is off: " + name_of(head->id, head->step) + " was left"});
    return std::nullopt;
  }
  require_restore(impl.target);
  require_place(impl, *head);
  const ResumeOptions& options = impl.options.resume;
  const timeout::Deaths deaths = timeout::deaths_after(impl.store, impl.session, head->id);
  const bool completed = timeout::is_completed(impl.store, *head);
  auto loop = completed ? std::nullopt : timeout::find_crash_loop(impl.store, deaths, *head, options);
  const bool goes_back = loop && options.on_crash_loop == CrashLoopAction::older_checkpoint;
  std::vector<PassedOver> passed_over;
  const CheckpointInfo found = walk(impl, goes_back ? loop->older : std::nullopt, passed_over);
  ResumeInfo info = info_of(found);
  info.completed = completed;
  info.passed_over = std::move(passed_over);
  info.crash_loop = std::move(loop);
  if (info.crash_loop) skip_batches(impl, info);
  impl.remember(info.checkpoint, info.step, impl.machine.now());
  impl.suspects_crash_loop = deaths.count > 0;
  record_resume(impl.session, info);
  return info;
}

void TimeoutHandler::clear_session_state() {
  impl_->session.complete();
}

}  // namespace lastgood
