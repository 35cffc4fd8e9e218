// Names are turned into those of here once, when the object is made; from then on nobody has to think of renames.
#include "store/torch/saved_entries.h"

#include <algorithm>

#include <lastgood/error.h>
#include <lastgood/pattern.h>

namespace lastgood::adapter {
namespace {

/// "model.layer1" is no prefix of "model.layer10.weight".
bool begins_at_dot(const std::string& name, const std::string& prefix) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '.');
}

}  // namespace

SavedEntries::SavedEntries(const std::string& subject, const std::vector<EntrySpec>& saved,
                           const RestoreOptions& options, std::vector<std::string>& skipped)
    : sections_(options.sections), patterns_(options.patterns), renames_(options.renames) {
  for (const EntrySpec& spec : saved) {
    const Key key = key_of(spec);
    if (!selects(key.first, key.second)) {
      skipped.push_back(spec.name);
      continue;
    }
    const auto [place, is_new] = entries_.emplace(key, spec);
    if (!is_new) {
      throw Error(ErrorCode::invalid_argument, subject,
                  subject + " holds " + place->second.name + " and " + spec.name + ", and both are renamed to " +
                      key.second + ". Nothing was changed. Rename them apart.");
    }
    unclaimed_.insert(key);
  }
}

bool SavedEntries::selects(Section section, const std::string& name) const {
  if (!sections_.empty() && std::find(sections_.begin(), sections_.end(), section) == sections_.end()) return false;
  return patterns_.empty() || std::any_of(patterns_.begin(), patterns_.end(),
                                          [&](const std::string& pattern) { return matches_pattern(pattern, name); });
}

const EntrySpec* SavedEntries::find(Section section, const std::string& name) const {
  const auto found = entries_.find({section, name});
  return found == entries_.end() ? nullptr : &found->second;
}

std::string SavedEntries::renamed(const std::string& name) const {
  for (const Rename& rename : renames_) {
    if (begins_at_dot(name, rename.from)) return rename.to + name.substr(rename.from.size());
  }
  return name;
}

SavedEntries::Key SavedEntries::key_of(const EntrySpec& spec) const {
  // An optimizer's entry bears the name of a parameter within its own.
  const std::string infix = ".state.";
  const std::size_t at = spec.section == Section::optimizer ? spec.name.find(infix) : std::string::npos;
  if (at == std::string::npos) return {spec.section, renamed(spec.name)};
  return {spec.section, renamed(spec.name.substr(0, at)) + infix + renamed(spec.name.substr(at + infix.size()))};
}

}  // namespace lastgood::adapter
