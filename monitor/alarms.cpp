// One alarm has three readers: its message is for people, its kind and detail for programs that read the store, its
// suggestion for a recovery. So it is made whole in one place.
#include "monitor/alarms.h"

#include <algorithm>

#include "monitor/json.h"
#include "monitor/text.h"

namespace lastgood::monitor {

namespace {

// A detail must fit into 64 KiB, and a name may take 4 KiB.
constexpr std::size_t kTensorsInDetail = 12;
constexpr std::size_t kTensorsInMessage = 3;
constexpr std::size_t kLargestGradients = 3;

/// The kind is also the key: one alarm of a kind for each source, unless the caller adds to it.
// Kinds and suggestions are the words that monitor.h documents; a recovery's ladders and the command's filters go by
// them.
Alarm make_alarm(Source source, const char* kind, Severity severity, std::string message, const Json& detail,
                 const char* suggestion) {
  Alarm alarm{.source = source, .key = kind, .suggestion = suggestion};
  alarm.event.kind = kind;
  alarm.event.severity = severity;
  alarm.event.message = std::move(message);
  alarm.event.detail = text_of(detail);
  return alarm;
}

std::string listed(const std::vector<const NonFinite*>& found) {
  std::string text;
  for (std::size_t i = 0; i < std::min(found.size(), kTensorsInMessage); ++i) {
    text += (i == 0 ? "" : ", ") + found[i]->name;
  }
  if (found.size() > kTensorsInMessage) text += " and " + std::to_string(found.size() - kTensorsInMessage) + " more";
  return text;
}

Json json_tensors(const std::vector<const NonFinite*>& found) {
  Json tensors = Json::array();
  for (std::size_t i = 0; i < std::min(found.size(), kTensorsInDetail); ++i) {
    const NonFinite& one = *found[i];
    tensors.push_back({{"name", one.name}, {"kind", one.what}, {"nan", one.nan}, {"inf", one.inf}});
  }
  return {{"tensors", std::move(tensors)}, {"count", found.size()}};
}

Source source_of(const NonFinite& found) {
  if (found.what != "scalar") return Source::scan;
  return found.name == "loss" ? Source::loss : Source::gradient;
}

/// The gradients that weigh most, by name: where an explosion comes from, if this step was scanned.
Json largest_gradients(const std::optional<TensorScan>& scan) {
  std::vector<const ScannedTensor*> gradients;
  if (scan) {
    for (const ScannedTensor& tensor : scan->tensors) {
      if (tensor.kind == TensorKind::gradient) gradients.push_back(&tensor);
    }
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(gradients.size(), kLargestGradients));
  std::partial_sort(gradients.begin(), gradients.begin() + count, gradients.end(),
                    [](const auto* a, const auto* b) { return a->norm > b->norm; });
  Json list = Json::array();
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    list.push_back({{"name", gradients[i]->name}, {"norm", json_number(gradients[i]->norm)}});
  }
  return list;
}

}  // namespace

std::vector<Alarm> non_finite_alarms(const std::vector<NonFinite>& found) {
  std::vector<Alarm> alarms;
  // One alarm for each pair, however many tensors are hit: people are told of the failure, the detail has the tensors.
  for (const Source source : {Source::loss, Source::gradient, Source::scan}) {
    for (const bool nan : {true, false}) {
      std::vector<const NonFinite*> matching;
      for (const NonFinite& one : found) {
        if (source_of(one) == source && (nan ? one.nan : one.inf) != 0) matching.push_back(&one);
      }
      if (matching.empty()) continue;
      alarms.push_back(make_alarm(source, nan ? "nan_detected" : "inf_detected", Severity::critical,
                                  (nan ? "NaN in " : "Inf in ") + listed(matching), json_tensors(matching),
                                  "rollback_checkpoint"));
    }
  }
  return alarms;
}

// Severity follows what is lost: a number that is not finite spoils the state (critical), an outlier does not yet
// (warning).
std::vector<Alarm> gradient_alarms(const StepObservation& observation, const GradientVerdict& verdict) {
  std::vector<Alarm> alarms;
  const double norm = observation.gradient_norm.value();
  const std::string median = verdict.median ? ", median " + number_text(*verdict.median) : "";
  Json detail = {{"gradient_norm", json_number(norm)}, {"median", json_number(verdict.median)}};
  if (verdict.vanishing) {
    alarms.push_back(make_alarm(Source::gradient, "gradient_vanishing", Severity::warning,
                                "the gradient vanished: norm " + number_text(norm) + median, detail, "continue"));
  }
  if (verdict.explosion) {
    detail["largest"] = largest_gradients(observation.scan);
    alarms.push_back(make_alarm(Source::gradient, "gradient_explosion", Severity::warning,
                                "the gradient exploded: norm " + number_text(norm) + median, detail, "reduce_lr_10x"));
  }
  return alarms;
}

std::vector<Alarm> loss_alarms(const LossVerdict& verdict, Step loss_window, Step stagnation_steps) {
  std::vector<Alarm> alarms;
  if (verdict.divergence) {
    const LossChange& change = *verdict.change;
    const double percent = 100 * change.increase();
    alarms.push_back(make_alarm(
        Source::loss, "loss_divergence", Severity::warning,
        "the loss diverges: from " + number_text(change.then) + " to " + number_text(change.now) + " (+" +
            number_text(percent) + " %) within " + std::to_string(loss_window) + " steps",
        {{"then", change.then}, {"now", change.now}, {"increase_pct", json_number(percent)}}, "increase_epsilon"));
  }
  if (verdict.stagnation) {
    alarms.push_back(make_alarm(Source::loss, "loss_stagnation", Severity::info,
                                "no better loss for more than " + std::to_string(stagnation_steps) + " steps",
                                Json::object(), "continue"));
  }
  return alarms;
}

std::vector<Alarm> stability_alarms(const NumericsVerdict& verdict) {
  std::vector<Alarm> alarms;
  for (const NumericsFinding& finding : verdict.findings) {
    const bool high = finding.kind == std::string("condition_number_high");
    alarms.push_back(make_alarm(Source::stability, finding.kind, Severity::warning, finding.message,
                                {{"name", finding.name}}, high ? "upgrade_precision" : "continue"));
    // Each matrix begins and ends by itself.
    alarms.back().key += "/" + finding.name;
  }
  return alarms;
}

std::vector<Alarm> ActiveAlarms::begin(Source source, const std::vector<Alarm>& alarms) {
  std::set<std::string> now;
  std::vector<Alarm> begun;
  const std::set<std::string>& before = active_[source];
  for (const Alarm& alarm : alarms) {
    if (alarm.source != source) continue;
    now.insert(alarm.key);
    if (before.count(alarm.key) == 0) begun.push_back(alarm);
  }
  // What was not seen this time has ended, and will be told again when it comes back.
  active_[source] = std::move(now);
  return begun;
}

}  // namespace lastgood::monitor
