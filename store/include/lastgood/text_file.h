// Reports for people and scripts: a text into a file, through the library's own way to the disk.
#pragma once

#include <filesystem>
#include <string_view>

namespace lastgood {

/// Writes `text` to `path`. What was there is replaced as a whole, or stays as it was where this throws; durable on
/// return. The folder must exist. Safe from any thread. Errors: permission, no_space, io. Of two that write the same
/// path, the later one wins as a whole.
void write_text_file(const std::filesystem::path& path, std::string_view text);

}  // namespace lastgood
