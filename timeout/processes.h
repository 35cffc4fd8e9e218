// When processes began, by the kernel's own record: on the boot clock, whatever the wall clock was set to since.
#pragma once

#include <optional>
#include <string>

#include <lastgood/timeout_machine.h>

namespace lastgood::timeout {

/// The start of /proc/<process>, such as "self" or "1"; nothing where that cannot be read.
std::optional<BootTime> process_start(const Machine& machine, const std::string& process);
/// The start of the first process of this process's session: of a batch job's shell, or of a login.
std::optional<BootTime> session_leader_start(const Machine& machine);

}  // namespace lastgood::timeout
