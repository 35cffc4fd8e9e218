// Who holds a lock on a file, for messages.
#pragma once

#include <filesystem>
#include <string>

namespace lastgood::catalog {

/// "process 4711 (python3)" where the kernel tells, else "another process". Never this process itself.
/// Opens neither the file nor its journals. By /proc, so processes of other machines are never named.
std::string lock_holder(const std::filesystem::path& file);

}  // namespace lastgood::catalog
