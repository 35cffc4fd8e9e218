// rebuild() on any file system. The simulated disk of the tests is the other one. `files` must outlive the call.
#pragma once

#include <lastgood/rebuild.h>

#include "store/io/file_system.h"

namespace lastgood {

RebuildReport rebuild_on(const std::filesystem::path& directory, bool dry_run, const ProgressFn& progress,
                         io::FileSystem& files);

}  // namespace lastgood
