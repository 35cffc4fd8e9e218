// flock and not fcntl: a lock of fcntl belongs to the process, so that two handles of one process would not exclude
// each other, and closing any descriptor of the file would drop it. A lock of flock belongs to the open file.
#include "store/io/posix_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/io/posix_file.h"
#include "store/io/system_call.h"
#include "store/io/unique_fd.h"

namespace lastgood::io {

namespace {

/// Who reads the note meanwhile may see it empty or in part: it is for people.
class PosixLock final : public FileLock {
 public:
  PosixLock(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)), owner_(::getpid()) {}

  ~PosixLock() override {
    // Closing alone would leave the lock with children that inherited the descriptor; unlocking in such a child would
    // take it from its parent.
    if (::getpid() == owner_) ::flock(fd_.get(), LOCK_UN);
  }

  void write_note(const std::string& note) override {
    if (retry_interrupted([&] { return ::ftruncate(fd_.get(), 0); }) != 0) throw errno_error(errno, "truncate", path_);
    std::string_view rest = note;
    off_t offset = 0;
    while (!rest.empty()) {
      const ssize_t written = retry_interrupted([&] { return ::pwrite(fd_.get(), rest.data(), rest.size(), offset); });
      if (written <= 0) throw errno_error(written < 0 ? errno : EIO, "write", path_);
      offset += written;
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }

 private:
  UniqueFd fd_;
  std::filesystem::path path_;
  pid_t owner_;
};

/// By device and inode, since the path alone says nothing of what was opened through it.
bool is_still_at(const UniqueFd& fd, const std::filesystem::path& path) {
  struct stat held {};
  struct stat there {};
  if (::fstat(fd.get(), &held) != 0) throw errno_error(errno, "examine", path);
  if (::stat(path.c_str(), &there) != 0) {
    // The holder of before has removed it, as a save does at its end.
    if (errno == ENOENT) return false;
    throw errno_error(errno, "examine", path);
  }
  return held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

}  // namespace

std::unique_ptr<FileLock> try_posix_lock(const std::filesystem::path& path, LockMode mode) {
  // Never waits: who meets a held lock says whose it is, or goes on without.
  const int operation = (mode == LockMode::exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  // Goes round only when a holder removed the file just then; O_CREAT makes the next one.
  while (true) {
    UniqueFd fd(retry_interrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666); }));
    if (!fd) throw errno_error(errno, "open the lock file", path);
    if (retry_interrupted([&] { return ::flock(fd.get(), operation); }) != 0) {
      if (errno == EWOULDBLOCK) return nullptr;
      throw errno_error(errno, "lock", path);
    }
    // The last holder may have unlinked the file between our open and our lock: a lock on that inode excludes nobody.
    if (is_still_at(fd, path)) return std::make_unique<PosixLock>(std::move(fd), path);
  }
}

}  // namespace lastgood::io
