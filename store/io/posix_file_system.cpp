// Errors are translated where they are met, with what was tried and on what. Absence is an answer where the caller asks
// whether something is there (open, info, is_link, unlink), and an error where it is taken for granted. Descriptors are
// closed on exec: a command that a trainer starts must not inherit a lock or a pack.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <system_error>

#include "store/io/file_system.h"
#include "store/io/posix_file.h"
#include "store/io/posix_lock.h"
#include "store/io/system_call.h"

namespace lastgood::io {

namespace {

using Path = std::filesystem::path;

// A note is one line for people; a lock file that somebody filled otherwise is not read in whole.
constexpr std::size_t kMaxNoteBytes = 4096;

// By number: not every system's headers name them all. Cluster file systems count as remote, since SQLite's write-ahead
// log needs memory shared by all its users.
constexpr std::array<std::uint32_t, 21> kRemoteFileSystems = {
    0x00006969,  // NFS
    0x0000517B,  // SMB
    0xFE534D42,  // SMB2
    0xFF534D42,  // CIFS
    0x0000564C,  // NCP
    0x65735546,  // FUSE
    0x01021997,  // 9p
    0x0BD00BD0,  // Lustre
    0x47504653,  // GPFS
    0x19830326,  // BeeGFS
    0x5346414F,  // AFS (OpenAFS)
    0x6B414653,  // AFS (kernel)
    0x00C36400,  // Ceph
    0x73757245,  // Coda
    0x7461636F,  // OCFS2
    0x01161970,  // GFS2
    0xAAD7AAEA,  // PanFS
    0x20030528,  // OrangeFS
    0x786F4256,  // VirtualBox shared folder
    0xBACBACBC,  // VMware shared folder
    0x7C7C6673,  // Parallels shared folder
};

struct statfs statfs_of(const Path& path) {
  struct statfs status {};
  if (retry_interrupted([&] { return ::statfs(path.c_str(), &status); }) != 0) {
    throw errno_error(errno, "examine the file system of", path);
  }
  return status;
}

/// ENOTDIR: a parent is a file, so nothing can be under it.
bool means_absent(int error) {
  return error == ENOENT || error == ENOTDIR;
}

class PosixFileSystem final : public FileSystem {
 public:
  std::unique_ptr<File> create(const Path& path) override {
    UniqueFd fd(retry_interrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666); }));
    if (!fd) throw errno_error(errno, "create", path);
    return std::make_unique<PosixFile>(std::move(fd), path);
  }

  std::unique_ptr<File> open(const Path& path, bool writable) override {
    // O_NONBLOCK: a pipe planted under a pack's name would block for ever; it changes nothing for a regular file.
    const int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
    UniqueFd fd(retry_interrupted([&] { return ::open(path.c_str(), flags); }));
    if (!fd) {
      if (means_absent(errno)) return nullptr;
      throw errno_error(errno, "open", path);
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) throw errno_error(errno, "examine", path);
    if (S_ISDIR(status.st_mode)) throw errno_error(EISDIR, "open as a file", path);
    if (!S_ISREG(status.st_mode)) throw errno_error(ESPIPE, "open as a file", path);
    return std::make_unique<PosixFile>(std::move(fd), path);
  }

  std::optional<FileInfo> info(const Path& path) override {
    struct stat status {};
    if (retry_interrupted([&] { return ::stat(path.c_str(), &status); }) != 0) {
      if (means_absent(errno)) return std::nullopt;
      throw errno_error(errno, "examine", path);
    }
    return FileInfo{S_ISDIR(status.st_mode), static_cast<std::uint64_t>(status.st_size),
                    !S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)};
  }

  bool is_link(const Path& path) override {
    struct stat status {};
    if (retry_interrupted([&] { return ::lstat(path.c_str(), &status); }) != 0) {
      if (means_absent(errno)) return false;
      throw errno_error(errno, "examine", path);
    }
    return S_ISLNK(status.st_mode);
  }

  // By the standard library's iterator, which hides "." and ".." and tells types without a call per entry where the
  // file system does.
  std::vector<DirectoryEntry> list(const Path& directory) override {
    std::vector<DirectoryEntry> entries;
    std::error_code error;
    std::filesystem::directory_iterator at(directory, error);
    while (!error && at != std::filesystem::directory_iterator()) {
      // An entry that vanished since is listed as a file: its reader meets the absence anyway.
      std::error_code vanished;
      entries.push_back({at->path().filename().string(), at->is_directory(vanished)});
      at.increment(error);
    }
    if (error) throw errno_error(error.value(), "list", directory);
    return entries;
  }

  void make_directory(const Path& path) override {
    if (::mkdir(path.c_str(), 0777) != 0) throw errno_error(errno, "create the directory", path);
  }

  void unlink(const Path& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw errno_error(errno, "remove", path);
  }

  // Atomic within one file system: others see the old file or the new one. Durable only after sync_directory().
  void rename(const Path& from, const Path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) throw errno_error(errno, "move to " + to.string(), from);
  }

  void sync_directory(const Path& path) override {
    // A directory cannot be opened for writing, and fsync does not ask for that.
    const UniqueFd fd(retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!fd) throw errno_error(errno, "open the directory", path);
    if (retry_interrupted([&] { return ::fsync(fd.get()); }) != 0) throw errno_error(errno, "sync the directory", path);
  }

  std::unique_ptr<FileLock> try_lock(const Path& path, LockMode mode) override { return try_posix_lock(path, mode); }

  std::string lock_note(const Path& path) override {
    const std::unique_ptr<File> file = open(path, false);
    if (!file) return {};
    std::string note(kMaxNoteBytes, '\0');
    note.resize(read_fully(*file, 0, std::as_writable_bytes(std::span(note))));
    return note;
  }

  // f_bsize: the unit in which ext4, XFS and tmpfs free space. Too large a figure only punches less.
  std::uint64_t block_bytes(const Path& path) override { return static_cast<std::uint64_t>(statfs_of(path).f_bsize); }

  bool is_local(const Path& path) override {
    // f_type is signed, and some magic numbers have their top bit set.
    const auto type = static_cast<std::uint32_t>(statfs_of(path).f_type);
    return std::find(kRemoteFileSystems.begin(), kRemoteFileSystems.end(), type) == kRemoteFileSystems.end();
  }
};

}  // namespace

FileSystem& posix_file_system() {
  // Without state, so it is safe from any thread and may be used until the process ends.
  static PosixFileSystem files;
  return files;
}

}  // namespace lastgood::io
