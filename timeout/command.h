// Running a command for what it prints.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace lastgood::timeout {

/// Its standard output, the first `most_bytes`; its standard error is that of this process. Found by PATH; killed, with
/// what it started in its process group, when `limit` has passed. Errors: those of Machine::run. Blocks the caller.
/// Safe from any thread.
std::string run_command(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                        std::size_t most_bytes);

}  // namespace lastgood::timeout
