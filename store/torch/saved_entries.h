// What a checkpoint has, under the names of here: renamed, and narrowed to what a restore is about. For one thread.
// Patterns see the names of here, after the renaming.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <lastgood/tensor.h>
#include <lastgood/torch.h>

namespace lastgood::adapter {

class SavedEntries {
 public:
  /// Throws Error(invalid_argument) when two entries get one name. What is not selected is added to `skipped`.
  SavedEntries(const std::string& subject, const std::vector<EntrySpec>& saved, const RestoreOptions& options,
               std::vector<std::string>& skipped);

  bool selects(Section section, const std::string& name) const;
  /// The entry as the checkpoint names it; null for one that it lacks, or that is not selected.
  const EntrySpec* find(Section section, const std::string& name) const;
  std::string renamed(const std::string& name) const;

  void claim(Section section, const std::string& name) { unclaimed_.erase({section, name}); }
  /// Names that nobody has claimed, as they are here.
  const std::set<std::pair<Section, std::string>>& unclaimed() const noexcept { return unclaimed_; }

 private:
  using Key = std::pair<Section, std::string>;

  Key key_of(const EntrySpec& spec) const;

  std::vector<Section> sections_;
  std::vector<std::string> patterns_;
  std::vector<Rename> renames_;
  std::map<Key, EntrySpec> entries_;
  std::set<Key> unclaimed_;
};

}  // namespace lastgood::adapter
