// Judged by names, sections and a few JSON texts, so that it works for a checkpoint of any origin and needs no tensor.
//
// It can only see what was captured. So a rule speaks of what is missing by what is there (an optimizer without a
// schedule, state of a parameter that no model has), and is severe only where a resume would silently differ.
#include <lastgood/doctor.h>

#include <algorithm>
#include <set>
#include <utility>

#include <lastgood/load.h>
#include <nlohmann/json.hpp>

namespace lastgood {
namespace {

using nlohmann::json;

// What the adapter's data positions say of themselves.
constexpr std::string_view kPositionTypes[] = {"DataPosition", "SamplerPosition"};

/// Texts of Lastgood's own that say nothing of the data: the modes of modules, and how far a TrainingRun has come.
bool is_own(const std::string& name) {
  return name.ends_with(".training") || name == "training_run";
}

std::string first_word(const std::string& name) {
  return name.substr(0, name.find('.'));
}

/// The rules, one a function; each adds at most a few findings.
class Examination {
 public:
  Examination(std::span<const EntrySpec> entries, const EntryText& text_of) : entries_(entries), text_of_(text_of) {
    for (const EntrySpec& entry : entries) {
      add_to_part(entry);
      if (entry.section == Section::model) parameters_.insert(entry.name);
    }
  }

  Diagnosis run() {
    look_for_model();
    look_for_generators();
    look_for_schedule();
    look_for_data_position();
    for (const CapturedPart& part : diagnosis_.captured) {
      if (part.section == Section::optimizer) look_at_optimizer(part.name);
    }
    std::stable_sort(diagnosis_.captured.begin(), diagnosis_.captured.end(),
                     [](const auto& a, const auto& b) { return a.section < b.section; });
    std::stable_sort(diagnosis_.findings.begin(), diagnosis_.findings.end(),
                     [](const auto& a, const auto& b) { return a.severity > b.severity; });
    return std::move(diagnosis_);
  }

 private:
  void add_to_part(const EntrySpec& entry) {
    const std::string name = first_word(entry.name);
    auto& parts = diagnosis_.captured;
    auto part = std::find_if(parts.begin(), parts.end(), [&](const CapturedPart& known) {
      return known.section == entry.section && known.name == name;
    });
    if (part == parts.end()) part = parts.insert(parts.end(), {entry.section, name});
    ++part->entries;
    if (entry.alias_of.empty()) part->bytes += entry.byte_count();
  }

  bool has(Section section) const {
    return std::any_of(diagnosis_.captured.begin(), diagnosis_.captured.end(),
                       [&](const CapturedPart& part) { return part.section == section; });
  }

  void find(Severity severity, std::string message, std::string advice) {
    diagnosis_.findings.push_back({severity, std::move(message), std::move(advice)});
  }

  void look_for_model() {
    if (has(Section::model)) return;
    find(Severity::critical, "no model is captured", "register it with TrainingState::add_module()");
  }

  void look_for_generators() {
    if (has(Section::rng)) return;
    find(Severity::critical, "no random generator is captured: dropout, shuffling and augmentation go another way",
         "capture with TrainingState, which adds the default ones, and register private ones with add_generator()");
  }

  void look_for_schedule() {
    if (has(Section::scheduler) || !has(Section::optimizer)) return;
    find(Severity::info, "no schedule is captured",
         "register it with add_scheduler(), unless the learning rate never changes");
  }

  void look_for_data_position() {
    bool other_texts = false;
    for (const EntrySpec& entry : entries_) {
      if (entry.section != Section::extra || entry.dtype != DType::json) continue;
      if (is_position(text_of_(entry))) return;
      other_texts = other_texts || !is_own(entry.name);
    }
    find(other_texts ? Severity::info : Severity::warning,
         "the position in the data is unknown: a resume in mid-epoch repeats batches or leaves some out",
         other_texts ? "register it with add_data_position(), unless one of the JSON values of yours tells it"
                     : "iterate with a ResumableSampler and register its position with add_data_position()");
  }

  static bool is_position(const std::string& text) {
    // A text of the user's may be anything: what does not parse is simply no position.
    const json value = json::parse(text, nullptr, false);
    if (!value.is_object() || !value.contains("type")) return false;
    return std::find(std::begin(kPositionTypes), std::end(kPositionTypes), value.at("type")) !=
           std::end(kPositionTypes);
  }

  /// State of parameters that the model does not have, and parameters without state beside others that have some.
  void look_at_optimizer(const std::string& name) {
    const std::string prefix = name + ".state.";
    std::set<std::string> strangers;
    bool has_state = false;
    for (const EntrySpec& entry : entries_) {
      if (entry.section != Section::optimizer || !entry.name.starts_with(prefix)) continue;
      has_state = true;
      // A parameter's name has dots of its own, so it goes as far as the last one.
      const std::string parameter = entry.name.substr(prefix.size(), entry.name.rfind('.') - prefix.size());
      if (!parameters_.contains(parameter)) strangers.insert(parameter);
    }
    if (!strangers.empty()) {
      find(Severity::critical,
           "the optimizer " + name + " has state of " + *strangers.begin() +
               (strangers.size() > 1 ? " and " + std::to_string(strangers.size() - 1) + " more" : "") +
               ", which no captured model holds",
           "register every module whose parameters it updates with add_module()");
    }
    if (!has_state) {
      find(Severity::info, "the optimizer " + name + " has no state",
           "nothing, if it keeps none (SGD without momentum) or has made no step before the save");
    }
  }

  std::span<const EntrySpec> entries_;
  const EntryText& text_of_;
  std::set<std::string> parameters_;
  Diagnosis diagnosis_;
};

}  // namespace

// Warnings do not count: they tell of what may be kept elsewhere, such as a place in the data of the user's own.
bool Diagnosis::can_be_exact() const noexcept {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.severity == Severity::critical; });
}

Diagnosis doctor(std::span<const EntrySpec> entries, const EntryText& text_of) {
  return Examination(entries, text_of).run();
}

Diagnosis doctor(const Store& store, CheckpointId checkpoint) {
  const auto text_of = [&](const EntrySpec& entry) {
    std::string text(entry.byte_count(), '\0');
    const TensorSlot slot{entry, text.data()};
    LoadOptions options;
    // One entry alone is asked for; the others are not missed.
    options.strict = false;
    load(store, checkpoint, {&slot, 1}, options);
    return text;
  };
  return doctor(entries(store, checkpoint), text_of);
}

}  // namespace lastgood
