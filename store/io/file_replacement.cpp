#include "store/io/file_replacement.h"

#include <utility>

#include "store/format/uuid.h"

namespace lastgood::io {

FileReplacement::FileReplacement(FileSystem& files, std::filesystem::path path)
    : files_(files), path_(std::move(path)) {
  // In the file's own folder, since a rename is atomic only within one file system.
  temporary_ = directory() / ("." + path_.filename().string() + "." + format::Uuid::random().hex() + ".tmp");
  file_ = files_.create(temporary_);
}

FileReplacement::~FileReplacement() {
  file_.reset();
  if (moved_) return;
  try {
    files_.unlink(temporary_);
  } catch (...) {
    // It is told already why the file was not written, and a temporary that stays does no harm.
  }
}

// Where the sync fails, nothing is moved: the file under the name is the old one, and the temporary goes.
void FileReplacement::commit() {
  // Contents before the name: after a power loss, a name that was moved early could lead to an empty file.
  file_->sync_data();
  files_.rename(temporary_, path_);
  moved_ = true;
  files_.sync_directory(directory());
}

std::filesystem::path FileReplacement::directory() const {
  return path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
}

}  // namespace lastgood::io
