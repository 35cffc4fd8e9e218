#include "store/io/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/io/system_call.h"

namespace lastgood::io {

namespace {

struct stat stat_of(const UniqueFd& fd, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw errno_error(errno, "examine", path);
  return status;
}

}  // namespace

std::size_t PosixFile::read_some(std::uint64_t offset, std::span<std::byte> out) {
  const ssize_t got =
      retry_interrupted([&] { return ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset)); });
  if (got < 0) throw errno_error(errno, "read", path_);
  return static_cast<std::size_t>(got);
}

std::size_t PosixFile::write_some(std::uint64_t offset, std::span<const std::byte> data) {
  const ssize_t written =
      retry_interrupted([&] { return ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset)); });
  if (written < 0) throw errno_error(errno, "write", path_);
  // No file system should do this; without the check, a loop over write_some would never end.
  if (written == 0) throw errno_error(EIO, "write", path_);
  return static_cast<std::size_t>(written);
}

void PosixFile::start_writeback(std::uint64_t offset, std::uint64_t length) noexcept {
  // Where the file system refuses, fdatasync does all the work later.
  // WRITE alone starts the writing and does not wait for it. It touches neither metadata nor the disk's own cache, so
  // it is never a substitute for the sync (sync_file_range(2)).
  (void)::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length), SYNC_FILE_RANGE_WRITE);
}

void PosixFile::sync_data() {
  // One try: the kernel may mark pages clean that it failed to write, so that a second one would succeed without them.
  if (retry_interrupted([&] { return ::fdatasync(fd_.get()); }) != 0) throw errno_error(errno, "sync", path_);
}

std::uint64_t PosixFile::size() {
  return static_cast<std::uint64_t>(stat_of(fd_, path_).st_size);
}

std::uint64_t PosixFile::allocated_bytes() {
  // st_blocks counts units of 512 bytes, whatever the blocks of the file system are.
  return static_cast<std::uint64_t>(stat_of(fd_, path_).st_blocks) * 512;
}

bool PosixFile::punch_hole(std::uint64_t offset, std::uint64_t length) {
  // KEEP_SIZE must go with PUNCH_HOLE (fallocate(2)): offsets of what follows stay as they are.
  const int result = retry_interrupted([&] {
    return ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(length));
  });
  if (result == 0) return true;
  if (errno == EOPNOTSUPP || errno == ENOSYS) return false;
  throw errno_error(errno, "punch a hole into", path_);
}

}  // namespace lastgood::io
