// Command lines of `lastgood` that messages tell people to run. Pure: any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lastgood {

/// "lastgood --store DIR COMMAND", the directory quoted for a shell where it needs that.
std::string command_line(const std::filesystem::path& store, std::string_view command);

}  // namespace lastgood
