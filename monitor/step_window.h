// Values of the newest steps. It counts steps, not values: with one value every ten steps, a window of 100 holds ten.
// For one thread.
//
// Its clock is the number of steps that went by, without those whose value was refused. It only stops and never runs
// backwards, but for rewind().
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include <lastgood/ids.h>

namespace lastgood::monitor {

template <class Value>
class StepWindow {
 public:
  /// REQUIRES: `length`, in steps, is positive. Memory is bounded by `length` values, since each step has one at most.
  explicit StepWindow(Step length) : length_(length) {}

  /// REQUIRES: `step` is above the one before. Drops what has become too old.
  void add(Step step, Value value) {
    if (last_step_) clock_ += step - *last_step_;
    add_without_time(step, std::move(value));
    while (entries_.front().clock <= clock_ - length_) entries_.pop_front();
  }

  /// The step's value was refused. Time stands still: a failure that lasts must not drive out what it is judged by.
  void skip(Step step) { last_step_ = step; }

  /// Adds a value while time stands still, in place of the one that has `behind` values behind it then.
  /// REQUIRES: there are more than `behind` values.
  void replace(Step step, Value value, std::size_t behind) {
    add_without_time(step, std::move(value));
    entries_.erase(entries_.end() - static_cast<std::ptrdiff_t>(behind) - 1);
  }

  /// Forgets this step and all later ones.
  void rewind(Step step) {
    while (!entries_.empty() && entries_.back().step >= step) entries_.pop_back();
    last_step_.reset();
    if (entries_.empty()) return;
    last_step_ = entries_.back().step;
    clock_ = entries_.back().clock;
  }

  void clear() {
    entries_.clear();
    last_step_.reset();
  }

  std::size_t size() const noexcept { return entries_.size(); }
  /// Oldest first.
  std::vector<Value> values() const {
    std::vector<Value> result;
    result.reserve(entries_.size());
    for (const Entry& entry : entries_) result.push_back(entry.value);
    return result;
  }

 private:
  struct Entry {
    Step step;
    Step clock;  // steps, without those that were skipped
    Value value;
  };

  void add_without_time(Step step, Value value) {
    last_step_ = step;
    entries_.push_back({step, clock_, std::move(value)});
  }

  Step length_;
  Step clock_ = 0;
  std::optional<Step> last_step_;
  std::deque<Entry> entries_;
};

}  // namespace lastgood::monitor
