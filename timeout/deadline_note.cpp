// A nearer end is noted at once, since whoever reads it has less time; a farther one can wait.
#include "timeout/deadline_note.h"

#include <exception>
#include <string>

#include <lastgood/session_cost.h>

#include "timeout/json.h"
#include "timeout/times.h"

namespace lastgood::timeout {
namespace {

constexpr std::chrono::minutes kSlack{1};

}  // namespace

bool DeadlineNote::is_news(const std::optional<Deadline>& deadline, BootTime now) const noexcept {
  const BootTime before = noted_ ? noted_->at : BootTime::max();
  const BootTime end = deadline ? deadline->at : BootTime::max();
  const bool same_source = (noted_ ? noted_->source : "") == (deadline ? deadline->source : "");
  if (same_source && end - before <= kSlack && before - end <= kSlack) return false;
  return end < before || !noted_at_ || now - *noted_at_ >= kSlack;
}

bool DeadlineNote::tell(Session& session, Step step, const std::optional<Deadline>& deadline,
                        const Machine& machine) noexcept try {
  const BootTime now = machine.now();
  if (!is_news(deadline, now)) return false;
  Json detail = {{"ends_at", nullptr}, {"source", deadline ? deadline->source : ""}};
  std::string message = "no end of the session is known any more";
  if (deadline) {
    const std::int64_t ends_at_ms = wall_ms(machine, deadline->at);
    detail["ends_at"] = ends_at_ms;
    message = "the session ends at " + iso_time(ends_at_ms) + ": " + deadline->source + ": " + deadline->why;
  }
  session.record(Event{.step = step, .kind = kSessionDeadline, .message = message, .detail = text_of(detail)});
  session.flush();
  noted_ = deadline;
  noted_at_ = now;
  return true;
} catch (const std::exception&) {
  return false;  // out of memory: it is told again at the next look
}

}  // namespace lastgood::timeout
