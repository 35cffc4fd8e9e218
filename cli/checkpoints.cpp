#include "cli/checkpoints.h"

#include <algorithm>
#include <map>

#include <lastgood/history.h>

#include "cli/units.h"

namespace lastgood::cli {

namespace {

// As many as one line of a terminal holds.
constexpr std::size_t kIdsNamed = 20;

}  // namespace

std::string brief(const CheckpointInfo& checkpoint) {
  return std::to_string(checkpoint.id.value) + " (step " + std::to_string(checkpoint.step) + ")";
}

std::string joined_ids(std::span<const CheckpointId> ids) {
  std::string text;
  for (const CheckpointId id : ids.first(std::min(ids.size(), kIdsNamed))) {
    text += (text.empty() ? "" : ", ") + std::to_string(id.value);
  }
  if (ids.size() > kIdsNamed) text += " and " + std::to_string(ids.size() - kIdsNamed) + " more";
  return text;
}

std::string shown_loss(const CheckpointInfo& checkpoint) {
  const auto loss = checkpoint.metrics.find("loss");
  return loss == checkpoint.metrics.end() ? "-" : human_number(loss->second);
}

// Colours repeat what the words say, and are never the only sign.
Tone tone_of(Stability stability) {
  switch (stability) {
    case Stability::stable: return Tone::good;
    case Stability::unstable: return Tone::doubtful;
    case Stability::unknown: return Tone::faint;
  }
  return Tone::plain;
}

std::vector<std::string> remarks(const CheckpointInfo& checkpoint) {
  std::vector<std::string> words;
  if (!checkpoint.intact) words.emplace_back("DAMAGED");
  if (checkpoint.pinned) words.emplace_back("pinned");
  words.insert(words.end(), checkpoint.tags.begin(), checkpoint.tags.end());
  return words;
}

std::vector<CheckpointId> resolve_all(const Store& store, std::span<const std::string> names,
                                      const std::optional<std::string>& run) {
  std::vector<CheckpointId> ids;
  for (const std::string& name : names) {
    const CheckpointId id = resolve_checkpoint(store, name, run).id;
    // Two names may mean the same.
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

std::vector<CheckpointId> lineage_of(const Store& store, const CheckpointInfo& checkpoint) {
  // One question for the whole run, instead of one for each ancestor.
  std::map<CheckpointId, std::optional<CheckpointId>> parents;
  for (const CheckpointInfo& other : list_checkpoints(store, {.run = checkpoint.run})) {
    parents[other.id] = other.parent;
  }
  std::vector<CheckpointId> lineage = {checkpoint.id};
  std::optional<CheckpointId> next = checkpoint.parent;
  // Each id once: a damaged catalog could hold a cycle.
  for (auto found = next ? parents.find(*next) : parents.end(); found != parents.end();
       found = next ? parents.find(*next) : parents.end()) {
    lineage.push_back(found->first);
    next = found->second;
    parents.erase(found);
  }
  return lineage;
}

}  // namespace lastgood::cli
