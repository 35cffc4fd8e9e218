// The one seam through which the project touches files. Everything but SQLite's own files goes through a FileSystem;
// SQLite's go through the VFS that it names, so that a test can put all of it on one simulated disk.
//
// The functions are thin: one system call each, except that EINTR is retried here. They throw lastgood::Error with the
// errno (ENOSPC and EDQUOT are no_space; EACCES, EPERM and EROFS permission; everything else io). Nothing is retried.
// A FileSystem is safe from any thread; a File as far as its functions do not overlap in the bytes they touch.
//
// What is durable, and when: contents and size of a file after its sync_data(); a name that was created, moved or
// removed after sync_directory() of the folder. One does not follow from the other. Nothing here syncs by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lastgood::io {

/// An open file; closed by the destructor, which reports nothing. A removed file stays readable as long as it is open.
class File {
 public:
  virtual ~File() = default;
  /// Reads up to out.size() bytes; may return fewer, and returns 0 only at the end of the file (or for no bytes).
  virtual std::size_t read_some(std::uint64_t offset, std::span<std::byte> out) = 0;
  /// Writes at least one byte of `data` (which is not empty); may write fewer than all.
  virtual std::size_t write_some(std::uint64_t offset, std::span<const std::byte> data) = 0;
  /// A hint to start writing the range to disk. No durability follows. Failures are not reported: sync_data() tells.
  virtual void start_writeback(std::uint64_t offset, std::uint64_t length) noexcept = 0;
  /// fdatasync: contents and size are durable on return. After a failure the file must not be trusted again.
  virtual void sync_data() = 0;
  virtual std::uint64_t size() = 0;
  /// Bytes that the file occupies on disk (holes excluded).
  virtual std::uint64_t allocated_bytes() = 0;
  /// Frees the range, which reads as zeros from then on. False: the file system has no holes, and nothing changed.
  virtual bool punch_hole(std::uint64_t offset, std::uint64_t length) = 0;
};

/// A lock is held by an open file, not by a process: two handles of one process exclude each other as well.
enum class LockMode { shared, exclusive };

/// A held advisory lock (flock); released by the destructor, and by the kernel when the process dies. No safety rests
/// on the note in it, nor on the file's being there.
class FileLock {
 public:
  virtual ~FileLock() = default;
  /// Replaces the contents of the lock file (who holds it, for people). Not durable.
  virtual void write_note(const std::string& note) = 0;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

struct FileInfo {
  bool is_directory = false;
  std::uint64_t size = 0;
  bool is_special = false;  // neither a file nor a directory: a pipe, a socket, a device
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// A new file, readable and writable, with the mode that the umask leaves of 0666. O_EXCL: names of packs and
  /// temporaries are never used twice, so a file that is there already belongs to somebody else and must not be written
  /// to.
  virtual std::unique_ptr<File> create(const std::filesystem::path& path) = 0;
  /// An existing regular file; nullptr where there is none. Anything else under the name (a folder, a pipe, a device)
  /// is an error: a stranger's store may hold what would block a reader for ever.
  virtual std::unique_ptr<File> open(const std::filesystem::path& path, bool writable) = 0;
  virtual std::optional<FileInfo> info(const std::filesystem::path& path) = 0;
  /// True where the path itself is a symbolic link, wherever it leads; everything else here follows links.
  virtual bool is_link(const std::filesystem::path& path) = 0;
  /// Names in a directory, in no order, without "." and "..". Not a snapshot: what is created or removed meanwhile may
  /// be there or not. The sweep's order of listing and asking is built on that.
  virtual std::vector<DirectoryEntry> list(const std::filesystem::path& directory) = 0;
  /// Makes one directory; parents must exist.
  virtual void make_directory(const std::filesystem::path& path) = 0;
  /// Removes a file; a file that is not there is no error. So that a removal which was cut off can be done again.
  virtual void unlink(const std::filesystem::path& path) = 0;
  /// Moves a file, replacing what is there.
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  /// fsync of a directory: its entries are durable on return.
  virtual void sync_directory(const std::filesystem::path& path) = 0;
  /// Creates the lock file where needed, locks it without waiting, and checks that the inode locked is the one still at
  /// the path. nullptr: another holds it.
  virtual std::unique_ptr<FileLock> try_lock(const std::filesystem::path& path, LockMode mode) = 0;
  /// What the holder wrote into a lock file; empty where there is none.
  virtual std::string lock_note(const std::filesystem::path& path) = 0;
  /// Size of the blocks in which holes can be punched at `path`. REQUIRES: `path` exists.
  virtual std::uint64_t block_bytes(const std::filesystem::path& path) = 0;
  /// False on network and FUSE file systems, where SQLite's write-ahead log is not safe.
  /// Decides between the write-ahead log and a rollback journal. Unknown file systems count as local.
  virtual bool is_local(const std::filesystem::path& path) = 0;
  /// The SQLite VFS that reaches the same files; nullptr: SQLite's default.
  virtual const char* sqlite_vfs() const noexcept { return nullptr; }
};

/// The machine's file system. Lives as long as the process.
FileSystem& posix_file_system();

/// Loops over write_some until all is written.
/// A failure leaves an unknown part of it written.
void write_all(File& file, std::uint64_t offset, std::span<const std::byte> data);
/// Loops over read_some; the number of bytes read is less than asked for only at the end of the file.
std::size_t read_fully(File& file, std::uint64_t offset, std::span<std::byte> out);

}  // namespace lastgood::io
