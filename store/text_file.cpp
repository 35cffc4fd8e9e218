// Protocol: 1. write a new file beside the old one; 2. sync it; 3. rename it over the old one; 4. sync the folder.
// A crash before 3 leaves the old file, and a file of a fresh name that nobody will read.
#include <lastgood/text_file.h>

#include <span>

#include <lastgood/error.h>

#include "store/format/uuid.h"
#include "store/io/file_system.h"

namespace lastgood {

namespace {

void write_new(io::FileSystem& files, const std::filesystem::path& path, std::string_view text) {
  const auto file = files.create(path);
  io::write_all(*file, 0, std::as_bytes(std::span(text)));
  file->sync_data();
}

}  // namespace

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  io::FileSystem& files = io::posix_file_system();
  const std::filesystem::path beside = path.string() + "." + format::Uuid::random().hex() + ".new";
  try {
    write_new(files, beside, text);
    files.rename(beside, path);
  } catch (...) {
    files.unlink(beside);
    throw;
  }
  const std::filesystem::path folder = path.parent_path();
  files.sync_directory(folder.empty() ? "." : folder);
}

}  // namespace lastgood
