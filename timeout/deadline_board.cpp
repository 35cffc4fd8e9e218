// Lock order: asking_, held over a source's ask(), then mutex_, held for a copy. Readers take mutex_ alone, and the
// training thread usually not even that: earliest() is one atomic load.
#include "timeout/deadline_board.h"

#include <algorithm>
#include <exception>

namespace lastgood::timeout {

DeadlineBoard::DeadlineBoard(const Machine& machine, DeadlineSources sources, WarnFn warn)
    : machine_(machine), warn_(std::move(warn)) {
  for (auto& source : sources) entries_.push_back({.source = std::move(source)});
}

// What a source said before stands where it throws now: a scheduler that does not answer has not called its limit off.
void DeadlineBoard::ask(Entry& entry) {
  entry.asked = true;
  std::string trouble;
  try {
    entry.said = entry.source->ask();
  } catch (const std::exception& error) {
    trouble = error.what();
  }
  if (!trouble.empty() && trouble != entry.trouble) {
    warn_("the deadline source " + entry.source->name() + " cannot tell: " + trouble);
  }
  entry.trouble = std::move(trouble);
  if (const auto interval = entry.source->interval()) entry.due = machine_.now() + *interval;
}

void DeadlineBoard::publish() {
  std::optional<Deadline> earliest;
  for (const Entry& entry : entries_) {
    if (entry.said && (!earliest || entry.said->at < earliest->at)) earliest = entry.said;
  }
  const std::lock_guard lock(mutex_);
  deadline_ = std::move(earliest);
  earliest_.store(deadline_ ? deadline_->at : BootTime::max(), std::memory_order_release);
}

void DeadlineBoard::ask_once() {
  const std::lock_guard lock(asking_);
  for (Entry& entry : entries_) {
    if (!entry.asked && !entry.source->interval()) ask(entry);
  }
  publish();
}

bool DeadlineBoard::has_recurring() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.source->interval().has_value(); });
}

std::chrono::nanoseconds DeadlineBoard::ask_due() {
  const std::lock_guard lock(asking_);
  BootTime next = machine_.now() + std::chrono::hours(1);
  for (Entry& entry : entries_) {
    if (!entry.source->interval()) continue;
    if (!entry.asked || machine_.now() >= entry.due) ask(entry);
    next = std::min(next, entry.due);
  }
  publish();
  return std::max(next - machine_.now(), std::chrono::nanoseconds::zero());
}

std::optional<Deadline> DeadlineBoard::deadline() const {
  const std::lock_guard lock(mutex_);
  return deadline_;
}

}  // namespace lastgood::timeout
