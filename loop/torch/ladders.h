// The ladders of a recovery, as far as the trainer can climb them.
#pragma once

#include <map>
#include <string>

#include <lastgood/recovery.h>

namespace lastgood::loop {

/// The default ladders without the rungs that the target has no function for (an epsilon, a batch size, a limit of
/// spectra): a failure that comes back is then met by the ones that are left, until the budget is spent, and does not
/// halt the run before. A ladder of which nothing would be left stays as it is. The user's own are left alone.
std::map<std::string, Ladder> ladders_for(const RecoveryTarget& target, std::map<std::string, Ladder> own);

}  // namespace lastgood::loop
