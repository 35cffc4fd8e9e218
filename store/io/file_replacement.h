// Writing a file that others may look at: under its name there is the old file, none, or the whole new one.
//
//   1. A temporary is made beside it, hidden, with a name that is never used again.
//   2. The caller writes. A cut leaves the temporary, which nothing takes for the file; anybody may delete it.
//   3. commit(): contents are synced, then the name is moved there, then the folder is synced. Durable on return. A
//      cut before the move leaves what was there; after it, the new file.
#pragma once

#include <filesystem>
#include <memory>

#include "store/io/file_system.h"

namespace lastgood::io {

/// Not thread-safe; its file is, as far as File says.
class FileReplacement {
 public:
  /// Makes the temporary. `files` must outlive the object.
  FileReplacement(FileSystem& files, std::filesystem::path path);
  /// Removes the temporary where commit() was not called or has failed; as far as that works, and telling nobody.
  ~FileReplacement();
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;

  File& file() noexcept { return *file_; }
  /// Once. Replaces what is there. Throws what the FileSystem throws; where only the last sync fails, the new file is
  /// in place, but a power loss may still bring the old one back.
  void commit();

 private:
  std::filesystem::path directory() const;

  FileSystem& files_;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::unique_ptr<File> file_;
  bool moved_ = false;
};

}  // namespace lastgood::io
