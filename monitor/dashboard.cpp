// The dashboard, and the export around it.
//
// Everything is derived when it is asked for, from the windows and counts that observe() keeps: a monitor that nobody
// asks does no work for it.
#include <lastgood/monitor_dashboard.h>

#include <algorithm>
#include <cmath>

#include <lastgood/text_file.h>

#include "monitor/health_monitor_impl.h"
#include "monitor/json.h"
#include "monitor/score.h"
#include "monitor/statistics.h"

namespace lastgood {

namespace {

using monitor::Json;
using monitor::json_number;

template <class Value>
Json json_or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class Value>
auto history_of(const std::map<std::string, monitor::StepWindow<Value>>& windows) {
  std::map<std::string, std::vector<Value>> history;
  for (const auto& [name, window] : windows) {
    if (window.size() != 0) history[name] = window.values();
  }
  return history;
}

/// An infinite one counts, as that of a singular matrix; a NaN could not be computed and does not.
std::optional<double> largest(const std::map<std::string, std::vector<double>>& history) {
  std::optional<double> result;
  for (const auto& [name, values] : history) {
    for (const double value : values) {
      if (!std::isnan(value) && (!result || value > *result)) result = value;
    }
  }
  return result;
}

Json json_history(const std::map<std::string, std::vector<double>>& history) {
  Json result = Json::object();
  for (const auto& [name, values] : history) result[name] = monitor::json_numbers(values);
  return result;
}

Json json_history(const std::map<std::string, std::vector<std::pair<double, double>>>& history) {
  Json result = Json::object();
  for (const auto& [name, pairs] : history) {
    Json& list = result[name] = Json::array();
    for (const auto& [s1, s2] : pairs) list.push_back({json_number(s1), json_number(s2)});
  }
  return result;
}

/// Keys and order are the reference's, for whoever reads its exports.
Json json_dashboard(const HealthDashboard& board) {
  return {{"current_step", json_or_null(board.current_step)},
          {"last_stable_step", json_or_null(board.last_stable_step)},
          {"steps_since_stable", json_or_null(board.steps_since_stable)},
          {"nan_count", board.nan_count},
          {"inf_count", board.inf_count},
          {"gradient_explosion_count", board.gradient_explosion_count},
          {"loss_divergence_count", board.loss_divergence_count},
          {"oom_count", board.oom_count},
          {"current_gradient_norm", json_number(board.current_gradient_norm)},
          {"gradient_norm_mean", json_number(board.gradient_norm_mean)},
          {"gradient_norm_std", json_number(board.gradient_norm_std)},
          {"gradient_norm_median", json_number(board.gradient_norm_median)},
          {"gradient_norm_max", json_number(board.gradient_norm_max)},
          {"gradient_norm_min", json_number(board.gradient_norm_min)},
          {"current_loss", json_number(board.current_loss)},
          {"loss_mean", json_number(board.loss_mean)},
          {"loss_std", json_number(board.loss_std)},
          {"loss_median", json_number(board.loss_median)},
          {"loss_trend", to_string(board.loss_trend)},
          {"condition_numbers_history", json_history(board.condition_numbers_history)},
          {"max_condition_number", json_number(board.max_condition_number)},
          {"schatten_norms_history", json_history(board.schatten_norms_history)},
          {"overall_health", to_string(board.overall_health)},
          {"health_score", board.health_score}};
}

/// Totals, not those of the window: `recent` has these, and the score is made of them.
void fill_counts(const FailureCounts& total, HealthDashboard& board) {
  board.nan_count = total.nan;
  board.inf_count = total.inf;
  board.gradient_explosion_count = total.gradient_explosion;
  board.loss_divergence_count = total.loss_divergence;
  board.oom_count = total.oom;
}

void fill_gradients(const std::vector<double>& norms, HealthDashboard& board) {
  if (norms.empty()) return;
  board.gradient_norm_mean = monitor::mean(norms);
  board.gradient_norm_std = monitor::standard_deviation(norms);
  board.gradient_norm_median = monitor::median(norms);
  board.gradient_norm_max = *std::max_element(norms.begin(), norms.end());
  board.gradient_norm_min = *std::min_element(norms.begin(), norms.end());
}

void fill_losses(const std::vector<double>& losses, HealthDashboard& board) {
  board.loss_trend = monitor::loss_trend(losses);
  if (losses.empty()) return;
  board.loss_mean = monitor::mean(losses);
  board.loss_std = monitor::standard_deviation(losses);
  board.loss_median = monitor::median(losses);
}

}  // namespace

/// Of the windows as they are: the statistics are for people, so outliers are in them.
HealthDashboard HealthMonitor::get_health_dashboard() const {
  const Impl& from = *impl_;
  HealthDashboard board;
  const Step current = from.newest ? from.newest->step : 0;
  if (from.newest) board.current_step = current;
  if (from.last_stable) {
    board.last_stable_checkpoint = from.last_stable->id;
    board.last_stable_step = from.last_stable->step;
    // A checkpoint may be told of before its own step is observed.
    board.steps_since_stable = std::max<Step>(current - from.last_stable->step, 0);
  }
  fill_counts(from.failures.total(), board);
  board.recent = from.failures.recent(current);
  const std::vector<double> norms = from.scalars.gradient_norms();
  board.current_gradient_norm = from.last_gradient_norm;
  fill_gradients(norms, board);
  board.current_loss = from.last_loss;
  fill_losses(from.scalars.losses(), board);
  board.condition_numbers_history = history_of(from.condition_numbers);
  board.max_condition_number = largest(board.condition_numbers_history);
  board.schatten_norms_history = history_of(from.schatten_norms);
  // An older verdict speaks of steps that a scan has been due for since.
  if (from.last_verdict && current - from.last_verdict->step < from.options.check_interval) {
    board.overall_health = from.last_verdict->health;
  }
  board.health_score = monitor::health_score(board.recent, norms);
  return board;
}

std::string HealthDashboard::to_json() const {
  return monitor::text_of(json_dashboard(*this));
}

std::string HealthMonitor::export_metrics() const {
  const HealthDashboard board = get_health_dashboard();
  Json document;
  document["gradient_norms"] = monitor::json_numbers(impl_->scalars.gradient_norms());
  document["losses"] = monitor::json_numbers(impl_->scalars.losses());
  document["condition_numbers_history"] = json_history(board.condition_numbers_history);
  document["failure_counts"] = {{"nan", board.nan_count},
                                {"inf", board.inf_count},
                                {"gradient_explosion", board.gradient_explosion_count},
                                {"loss_divergence", board.loss_divergence_count},
                                {"oom", board.oom_count}};
  document["dashboard"] = json_dashboard(board);
  return monitor::text_of(document);
}

// With a line break at the end, as a text file has it.
void HealthMonitor::export_metrics(const std::filesystem::path& path) const {
  write_text_file(path, export_metrics() + "\n");
}

}  // namespace lastgood
