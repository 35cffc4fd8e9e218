// What a restore takes in, what it lets differ, and what it left out.
//
//   // Fine-tuning: the trunk of another model, its head left as it is here.
//   state.restore(store, id, {.strict = false, .sections = {Section::model},
//                             .patterns = {"model.trunk.*"}, .renames = {{"gpt.blocks", "model.trunk"}}});
//
// However little is taken in, it is all or nothing.
#pragma once

#include <string>
#include <vector>

#include <lastgood/load.h>
#include <lastgood/progress.h>
#include <lastgood/tensor.h>

namespace lastgood {

/// A name of the checkpoint, or the first parts of one up to a dot, and what stands in its place here. Parameters'
/// names within an optimizer's are renamed, too.
struct Rename {
  std::string from;
  std::string to;
};

struct RestoreOptions {
  /// True: the checkpoint's entries are those of here, no more and no fewer. False: what is missing from the checkpoint
  /// keeps its value here, what is unexpected stays there; both are reported. For an optimizer: the state of parameters
  /// that it no longer has is left out, parameters that are new to it start without state, and LBFGS, whose state is
  /// of all its parameters together, starts anew. Shapes must be the same in any case, and a state's pieces all there.
  bool strict = true;
  /// Takes in these sections only; empty: all.
  std::vector<Section> sections = {};
  /// Takes in only names (as they are here) that match one of these (`*` any run, `?` one character); empty: all. What
  /// is not taken in keeps its value, and is never missing or unexpected. An optimizer's state of a parameter
  /// is taken in whole or not at all, as is a sampler's position; patterns that match a part of it are an error.
  std::vector<std::string> patterns = {};
  /// The first that fits a name counts.
  std::vector<Rename> renames = {};
  /// Lets a tensor of another dtype in, converted to the one of here, unless that loses more than digits (complex to
  /// real, real to whole). Off, another dtype is an error.
  bool convert_dtypes = false;
  LoadStaging staging = LoadStaging::memory;
  /// Threads that read and check; 0: one a core, at most 8.
  unsigned threads = 0;
  ProgressFn progress = {};
};

/// Names, sorted by none but the order in which they were met. Valid without the store and the state.
struct RestoreReport {
  /// Here, selected, and not in the checkpoint: as before. `optimizer.state.PARAMETER` for a parameter that is new to
  /// an optimizer. Empty when strict.
  std::vector<std::string> missing;
  /// In the checkpoint, selected, and not here (as they would be named here). Empty when strict.
  std::vector<std::string> unexpected;
  /// In the checkpoint and not selected by sections and patterns (as they are named there).
  std::vector<std::string> skipped;
  /// Converted to the dtype of here.
  std::vector<std::string> converted;
};

}  // namespace lastgood
