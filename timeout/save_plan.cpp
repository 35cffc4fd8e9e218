// Times and arithmetic alone, so that a whole session can be played through in a test. How the rule came to be is in
// the header.
#include "timeout/save_plan.h"

#include <algorithm>

namespace lastgood::timeout {

BootTime next_save(const Outlook& outlook, std::optional<BootTime> saved) {
  if (outlook.called && (!saved || *saved < *outlook.called)) return *outlook.called;
  if (outlook.end == BootTime::max()) return BootTime::max();
  const BootTime last = outlook.end - outlook.reserve;
  const BootTime first = std::min(outlook.end - outlook.threshold, last);
  if (!saved) return first;
  if (*saved >= last) return BootTime::max();
  const auto gap = *saved < first ? outlook.reserve : std::max(outlook.reserve, (outlook.end - *saved) / 2);
  return std::min(std::max(first, *saved + gap), last);
}

bool is_over(const Outlook& outlook, std::optional<BootTime> saved, BootTime now) {
  if (outlook.end == BootTime::max()) return false;
  return now >= outlook.end || (saved && *saved >= outlook.end - outlook.reserve);
}

}  // namespace lastgood::timeout
