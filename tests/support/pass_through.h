// The machine's file system behind virtual functions, for tests that replace one of them.
#pragma once

#include "store/io/file_system.h"

namespace lastgood::test {

class PassThrough : public io::FileSystem {
 public:
  using Path = std::filesystem::path;

  std::unique_ptr<io::File> create(const Path& path) override { return real_.create(path); }
  std::unique_ptr<io::File> open(const Path& path, bool writable) override { return real_.open(path, writable); }
  std::optional<io::FileInfo> info(const Path& path) override { return real_.info(path); }
  bool is_link(const Path& path) override { return real_.is_link(path); }
  std::vector<io::DirectoryEntry> list(const Path& directory) override { return real_.list(directory); }
  void make_directory(const Path& path) override { real_.make_directory(path); }
  void unlink(const Path& path) override { real_.unlink(path); }
  void rename(const Path& from, const Path& to) override { real_.rename(from, to); }
  void sync_directory(const Path& path) override { real_.sync_directory(path); }
  std::unique_ptr<io::FileLock> try_lock(const Path& path, io::LockMode mode) override {
    return real_.try_lock(path, mode);
  }
  std::string lock_note(const Path& path) override { return real_.lock_note(path); }
  std::uint64_t block_bytes(const Path& path) override { return real_.block_bytes(path); }
  bool is_local(const Path& path) override { return real_.is_local(path); }

 private:
  io::FileSystem& real_ = io::posix_file_system();
};

}  // namespace lastgood::test
