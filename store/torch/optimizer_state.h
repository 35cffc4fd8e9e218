// A parameter's state in an optimizer, field by field, as entries and back. A list is an entry of booleans, which of
// its elements are defined, and one entry for each of those: `old_dirs`, `old_dirs.0`, `old_dirs.1`. Numbers are
// 0-dimensional int64 or float64 entries.
#pragma once

#include <string>
#include <vector>

#include "store/torch/capture.h"
#include "store/torch/optimizer_family.h"
#include "store/torch/restore_plan.h"

namespace lastgood::adapter {

/// `entry` is the name of the whole state. Fields refer to the live state.
void capture_state(Capture::Impl& out, const std::string& entry, const std::vector<StateField>& fields);

/// Whether the checkpoint has any of it, and whether the options of the restore select any of it.
bool has_state(const RestorePlan& plan, const std::string& entry, const std::vector<StateField>& fields);
bool selects_state(const RestorePlan& plan, const std::string& entry, const std::vector<StateField>& fields);

/// Claims all of it. REQUIRES: `fields` refer to a state that is not live (its tensors of the parameter's shape may be:
/// they are filled in place), and that stays until the end of the plan.
void plan_state(RestorePlan& plan, const std::string& entry, const std::vector<StateField>& fields,
                const at::Tensor& parameter);

}  // namespace lastgood::adapter
