// The session's end, noted in the store, so that another process can tell how much time is left.
//
// An event of the kind kSessionDeadline (session_cost.h). Not each change is worth one: a scheduler that counts in
// minutes tells another end at every question.
#pragma once

#include <optional>

#include <lastgood/session.h>
#include <lastgood/timeout_deadline.h>

namespace lastgood::timeout {

class DeadlineNote {
 public:
  /// Notes the end, nothing where none is known; unless it is what was noted, within a minute and by the same source.
  /// One that was put off or called off waits until the note before is a minute old, so that a source which wavers does
  /// not fill the store. True where it was noted.
  bool tell(Session& session, Step step, const std::optional<Deadline>& deadline, const Machine& machine) noexcept;

 private:
  bool is_news(const std::optional<Deadline>& deadline, BootTime now) const noexcept;

  std::optional<Deadline> noted_;
  std::optional<BootTime> noted_at_;
};

}  // namespace lastgood::timeout
