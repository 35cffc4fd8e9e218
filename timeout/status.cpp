// For people and their dashboards. The keys and their order are the reference's.
#include <algorithm>
#include <limits>

#include <lastgood/timeout.h>

#include "timeout/handler.h"
#include "timeout/json.h"
#include "timeout/times.h"

namespace lastgood {
std::string TimeoutStatus::to_json() const {
  const timeout::Json document = {{"is_colab", is_colab},
                                  {"elapsed_hours", timeout::json_number(elapsed_hours)},
                                  {"remaining_minutes", timeout::json_number(remaining_minutes)},
                                  {"warning_issued", warning_issued},
                                  {"emergency_checkpoint_saved", emergency_checkpoint_saved},
                                  {"session_start", timeout::iso_time(session_start_ms)},
                                  {"checkpoint_dir", checkpoint_dir}};
  return timeout::text_of(document);
}

TimeoutStatus TimeoutHandler::get_status() const {
  const auto left = get_remaining_time();
  TimeoutStatus status;
  status.is_colab = impl_->is_colab;
  status.elapsed_hours = std::chrono::duration<double, std::ratio<3600>>(get_elapsed_time()).count();
  status.remaining_minutes = left == std::chrono::nanoseconds::max()
                                 ? std::numeric_limits<double>::infinity()
                                 : std::chrono::duration<double, std::ratio<60>>(left).count();
  status.warning_issued = impl_->warned;
  status.emergency_checkpoint_saved = impl_->emergency_saved;
  status.session_start_ms = impl_->start_wall_ms;
  status.checkpoint_dir = impl_->store.path().string();
  return status;
}

std::optional<Deadline> TimeoutHandler::get_deadline() const {
  if (get_remaining_time() == std::chrono::nanoseconds::max()) return std::nullopt;
  return impl_->deadline();
}

}  // namespace lastgood
