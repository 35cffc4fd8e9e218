// Command lines of `lastgood` that messages tell people to run.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lastgood::base {

/// "lastgood --store DIR COMMAND", the directory quoted for a shell where it needs that.
std::string command_line(const std::filesystem::path& store, std::string_view command);

}  // namespace lastgood::base
