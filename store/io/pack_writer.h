// Writing one pack: frames are placed one after the other by any number of threads, then the pack is synced once.
//
//   1. The constructor creates the file (its row is already committed) and writes the pack's header.
//   2. append() reserves an extent, writes it and starts its write-back.
//   3. seal() makes contents, size and directory entry durable. Only then may a commit refer to the frames.
// A cut before 3 leaves a file that no row refers to as live; nothing is removed here, gc decides. After any failure
// the pack must not be sealed; write another. (A kernel may drop the pages that it failed to write and report the next
// sync as a success.)
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "store/format/frame.h"
#include "store/io/file_system.h"

namespace lastgood::io {

/// One frame to append: its header's fields and its stored bytes. REQUIRES: stored.size() == header.stored_bytes; the
/// bytes stay as they are until append() returns.
struct FrameToWrite {
  format::FrameHeader header;
  std::span<const std::byte> stored;
};

/// Only append() and size() are safe from any thread. The destructor closes the file and neither syncs nor removes it.
class PackWriter {
 public:
  /// REQUIRES: `directory` exists; no file of that name does.
  PackWriter(FileSystem& files, std::filesystem::path directory, const format::PackHeader& header);

  /// Writes the frames next to each other; returns the offset of each header, in order. Safe from any thread. Nothing
  /// is durable yet. Throws what the FileSystem throws; the extent then stays a gap, which a scan steps over, and
  /// seal() refuses.
  std::vector<std::uint64_t> append(std::span<const FrameToWrite> frames);

  /// fdatasync of the pack, fsync of the directory. REQUIRES: no append() under way. What is appended
  /// later needs another seal().
  /// Throws Error(internal) after a failed append().
  void seal();

  const format::Uuid& uuid() const noexcept { return header_.pack; }
  /// Bytes reserved so far: the file's size once all are written.
  std::uint64_t size() const;

 private:
  FileSystem& files_;
  std::filesystem::path directory_;
  format::PackHeader header_;
  std::unique_ptr<File> file_;
  mutable std::mutex mutex_;
  std::uint64_t end_ = format::kHeaderBytes;
  std::atomic<int> unwritten_ = 0;  // appends under way or failed
};

}  // namespace lastgood::io
