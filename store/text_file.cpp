// A report of the command or of a tool: the old file or the whole new one, also across a power loss.
#include <lastgood/text_file.h>

#include <span>

#include "store/io/file_replacement.h"

namespace lastgood {

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  io::FileReplacement replacement(io::posix_file_system(), path);
  io::write_all(replacement.file(), 0, std::as_bytes(std::span(text)));
  replacement.commit();
}

}  // namespace lastgood
