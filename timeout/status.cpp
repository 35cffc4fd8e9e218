#include <algorithm>
#include <ctime>
#include <limits>

#include <lastgood/timeout.h>

#include "timeout/handler.h"
#include "timeout/json.h"

namespace lastgood {
namespace {

std::string iso_time(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

std::string TimeoutStatus::to_json() const {
  const timeout::Json document = {{"is_colab", is_colab},
                                  {"elapsed_hours", timeout::json_number(elapsed_hours)},
                                  {"remaining_minutes", timeout::json_number(remaining_minutes)},
                                  {"warning_issued", warning_issued},
                                  {"emergency_checkpoint_saved", emergency_checkpoint_saved},
                                  {"session_start", iso_time(session_start_ms)},
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
  const auto from_source = impl_->board.deadline();
  if (from_source && from_source->at <= impl_->outlook.end) return from_source;
  const auto& notice = impl_->stop_notice ? impl_->stop_notice : impl_->warning_notice;
  return Deadline{impl_->outlook.end, "signal", timeout::signal_name(notice->signal) + " came"};
}

}  // namespace lastgood
