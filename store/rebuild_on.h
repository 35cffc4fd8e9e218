// rebuild() on any file system. The simulated disk of the tests is the other one. `files` must outlive the call.
#pragma once

#include <lastgood/rebuild.h>

#include "store/io/file_system.h"

namespace lastgood {

/// The protocol, and what a cut after each step leaves, stands on top of rebuild.cpp. A dry run takes no lock and
/// changes nothing; what it tells may be out of date when a trainer is at work. Errors: not_found, busy, cancelled,
/// unsupported_version (a catalog of a newer Lastgood), invalid_argument (a catalog that is a symbolic link).
RebuildReport rebuild_on(const std::filesystem::path& directory, bool dry_run, const ProgressFn& progress,
                         io::FileSystem& files);

}  // namespace lastgood
