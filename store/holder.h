// Who holds a lock, in words: what a lock file's note says, and what a `busy` error tells of it.
#pragma once

#include <filesystem>
#include <string>

#include "store/io/file_system.h"

namespace lastgood {

/// "process 4711 on host node7"
std::string holder_note();

/// Notes in the lock's file that this process holds it. A courtesy to whoever finds the lock held: on a full disk there
/// is none, and what the lock was taken for, perhaps to free space, goes on.
void sign(io::FileLock& lock);

/// The note of the lock file at `path`, or "another process" where its holder has not written one.
std::string describe_holder(io::FileSystem& files, const std::filesystem::path& path);

}  // namespace lastgood
