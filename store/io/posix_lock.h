// Advisory locks by flock, which the kernel releases however their holder dies. Whether a save, a session or a
// collection is alive is told by its lock alone: never by a process id, a clock or a note.
#pragma once

#include <filesystem>
#include <memory>

#include "store/io/file_system.h"

namespace lastgood::io {

/// See FileSystem::try_lock. A process that was forked from the holder shares the lock: it keeps the lock alive after
/// the holder was killed, until it ends or executes another program, but never releases it while the holder lives.
std::unique_ptr<FileLock> try_posix_lock(const std::filesystem::path& path, LockMode mode);

}  // namespace lastgood::io
