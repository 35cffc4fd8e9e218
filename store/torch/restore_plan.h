// A restore, step by step, so that nothing changes before everything is known to be right.
//
//   1. Parts claim entries by name, dtype, shape and ties, of those that the options select. Mismatches are collected,
//      all of them; what the options let differ is noted in the report.
//   2. Small entries (texts, generators) are loaded and read; parts note what follows from them. Mismatches again.
//   3. The user's own parts take their new texts. A later failure gives them back the old ones.
//   4. Tensors are loaded, checked by the store before the first one is written.
//   5. Commits, which cannot fail and run no code of the user's: so what step 3 drew from generators is undone here.
// A cut before 4 has changed nothing; a failure in 4 has not either (the store's promise), after the undoing of 3. With
// LoadStaging::verify_first the promise is weaker: see load.h.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lastgood/tensor.h>

#include "store/torch/part.h"
#include "store/torch/saved_entries.h"
#include "store/torch/tensors.h"

namespace lastgood::adapter {

/// Fills slots from the checkpoint; throws and has written nothing, or returns and has filled them all.
using LoadSlots = std::function<void(std::span<const TensorSlot>)>;

/// For one restore and one thread: parts claim, then run(), once. Holds references to the parts' tensors and to what
/// their functions refer to, all of which outlive it.
class RestorePlan {
 public:
  /// `subject` names the checkpoint in errors. Names are those of here; the checkpoint's are renamed to them.
  RestorePlan(std::string subject, const std::vector<EntrySpec>& saved, const RestoreOptions& options);

  /// Whether the options select an entry of that name.
  bool selects(Section section, const std::string& name) const { return saved_.selects(section, name); }
  /// Whether the checkpoint has that entry, and it is selected. Claims nothing.
  bool has(Section section, const std::string& name) const { return spec(section, name) != nullptr; }
  /// The same; null when not.
  const EntrySpec* spec(Section section, const std::string& name) const { return saved_.find(section, name); }
  /// What a name of the checkpoint is called here.
  std::string renamed(const std::string& name) const { return saved_.renamed(name); }
  /// Whether what is missing or unexpected is a mismatch.
  bool is_strict() const noexcept { return strict_; }

  /// Claims what nobody else has claimed of a section's entries that begin with `prefix`, and returns their names.
  std::vector<std::string> claim_rest(Section section, const std::string& prefix);

  /// The entry's bytes go into the tensor, in step 4.
  void claim_tensor(Section section, const std::string& name, const at::Tensor& destination);
  /// The same in section model, where ties must be those of the checkpoint.
  void claim_tied(const std::string& name, const at::Tensor& destination);
  /// A 0-dimensional int64 or float64, in step 4. REQUIRES: `destination` is not part of the live state, and lives
  /// until the end.
  void claim_number(Section section, const std::string& name, std::int64_t* destination);
  void claim_number(Section section, const std::string& name, double* destination);
  /// `read` is told the contents in step 2.
  void claim_text(Section section, const std::string& name, DType dtype, std::function<void(const std::string&)> read);
  /// The same for an int64 tensor of one dimension, as long as it is in the checkpoint.
  void claim_numbers(Section section, const std::string& name, std::function<void(std::vector<std::int64_t>)> read);

  /// Steps 1 and 2: something does not fit.
  void mismatch(std::string what);
  /// Steps 1 and 2: something is here and not in the checkpoint, or the other way round; a mismatch when strict.
  void missing(const std::string& name, std::string what);
  void unexpected(const std::string& name, std::string what);
  /// At the end of step 2, when all texts are read.
  void check(std::function<void()> action);
  /// Step 3.
  void change(std::string name, TextAccess access, std::string text);
  /// Step 5. Must not throw.
  void commit(std::function<void()> action);
  /// Steps 2 to 5, after all parts have claimed. Returns what was left out.
  RestoreReport run(const LoadSlots& load);

 private:
  struct Text {
    std::string bytes;
    std::function<void(const std::string&)> read;
  };
  struct Change {
    std::string name;
    TextAccess access;
    std::string text;
    std::string old_text;
  };

  const EntrySpec* claim(const EntrySpec& wanted);
  const EntrySpec* claim(const EntrySpec& wanted, const std::string& saved_owner);
  bool converts(const EntrySpec& saved, const EntrySpec& wanted);
  void claim_quantizer(const EntrySpec& wanted, const at::Tensor& destination);
  void add_tensor_slot(const EntrySpec& spec, const at::Tensor& destination);
  void require_match() const;
  void read_texts(const LoadSlots& load);
  void apply_changes(std::size_t& applied);
  void undo_changes(std::size_t applied);

  std::string subject_;
  RestoreReport report_;
  SavedEntries saved_;
  bool strict_;
  bool convert_dtypes_;
  Ties ties_;
  std::vector<std::string> mismatches_;
  std::deque<Text> texts_;
  std::vector<TensorSlot> text_slots_;
  std::vector<TensorSlot> tensor_slots_;
  std::vector<std::function<void()>> checks_;
  std::vector<Change> changes_;
  std::vector<std::function<void()>> commits_;
};

}  // namespace lastgood::adapter
