// By a capture that is thrown away: what it lists is just what a save would, and what it cannot list is the finding.
#include <lastgood/torch/doctor.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <lastgood/error.h>

#include "store/torch/training_state.h"

namespace lastgood {
namespace {

using Texts = std::map<std::pair<Section, std::string>, std::string>;

/// Parameters that want a gradient, by name, which no optimizer has an entry for in its groups.
std::vector<std::string> without_optimizer(const TrainingState::Impl& state, const Texts& texts) {
  std::vector<std::string> found;
  const auto updated = [&](const std::string& name) {
    return std::any_of(texts.begin(), texts.end(), [&](const auto& text) {
      // Groups list their parameters as JSON strings.
      return text.first.first == Section::optimizer && text.second.find('"' + name + '"') != std::string::npos;
    });
  };
  std::set<const void*> seen;  // a tied parameter counts by its first name
  for (const adapter::NamedModule& module : state.modules) {
    for (const auto& item : module.module->named_parameters()) {
      const at::Tensor& parameter = item.value();
      if (!parameter.defined() || !seen.insert(parameter.unsafeGetTensorImpl()).second) continue;
      const std::string name = module.name + "." + item.key();
      if (parameter.requires_grad() && !updated(name)) found.push_back(name);
    }
  }
  return found;
}

void add_finding(Diagnosis& diagnosis, Finding finding) {
  const auto later = std::find_if(diagnosis.findings.begin(), diagnosis.findings.end(),
                                  [&](const Finding& known) { return known.severity < finding.severity; });
  diagnosis.findings.insert(later, std::move(finding));
}

Diagnosis cannot_be_captured(const Error& error) {
  Diagnosis diagnosis;
  diagnosis.findings.push_back({Severity::critical, error.what(), "mend this first; the rest is not known until then"});
  return diagnosis;
}

}  // namespace

// Sees more than the doctor of a checkpoint: the modules are at hand, and with them what no optimizer was given.
Diagnosis doctor(const TrainingState& state) {
  std::vector<EntrySpec> entries;
  Texts texts;
  try {
    const Capture capture = state.capture();
    for (const TensorView& view : capture.views()) {
      entries.push_back(view.spec);
      if (view.spec.dtype != DType::json) continue;
      texts[{view.spec.section, view.spec.name}] = {static_cast<const char*>(view.data), view.spec.byte_count()};
    }
  } catch (const Error& error) {
    return cannot_be_captured(error);
  }
  Diagnosis diagnosis = doctor(entries, [&](const EntrySpec& entry) { return texts.at({entry.section, entry.name}); });
  const std::vector<std::string> forgotten = without_optimizer(state.impl(), texts);
  if (!forgotten.empty()) {
    const std::string more = forgotten.size() > 1 ? " and " + std::to_string(forgotten.size() - 1) + " more" : "";
    add_finding(diagnosis, {Severity::warning, "no registered optimizer updates " + forgotten.front() + more,
                            "register the optimizer with add_optimizer(), or freeze the parameters (requires_grad)"});
  }
  return diagnosis;
}

}  // namespace lastgood
