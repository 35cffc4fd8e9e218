// The bytes of one simulated file: what the running machine sees, and what the disk holds for sure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/support/power_loss.h"

namespace lastgood::test {

/// Keeps two images, volatile and durable, and for each block whether it was touched since the last sync. A block is
/// lost or kept as a whole, its synced neighbours in it included, as a disk without power-safe overwrite does.
/// Not safe from several threads: the disk's mutex guards it.
class FileContents {
 public:
  explicit FileContents(std::uint64_t block_bytes) : block_bytes_(block_bytes) {}

  std::uint64_t size() const noexcept { return volatile_.bytes.size(); }
  std::uint64_t allocated_bytes() const;
  const std::vector<std::byte>& bytes() const noexcept { return volatile_.bytes; }

  std::size_t read(std::uint64_t offset, std::span<std::byte> out) const;
  void write(std::uint64_t offset, std::span<const std::byte> data);
  void truncate(std::uint64_t size);
  /// Zeros the range as far as the file has it; whole blocks are freed. The size stays.
  void punch(std::uint64_t offset, std::uint64_t length);

  void sync();
  /// What Linux does when the write-back of a sync fails: the blocks count as clean, their new contents stay readable
  /// until the power goes, and no later sync writes them.
  void fail_sync();

  FileContents after_power_loss(LossDecider& decide) const;

 private:
  struct Image {
    std::vector<std::byte> bytes;
    std::vector<bool> allocated;  // by block
  };
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
  };

  std::uint64_t blocks_of(std::uint64_t bytes) const { return (bytes + block_bytes_ - 1) / block_bytes_; }
  Range block_range(std::uint64_t block, const Image& image) const;
  void touch(std::uint64_t begin, std::uint64_t end, bool allocate);
  /// Copies the block as far as both images reach.
  void copy_block(std::uint64_t block, const Image& from, Image& to) const;
  static void resize(Image& image, std::uint64_t size, std::uint64_t blocks);

  std::uint64_t block_bytes_;
  Image volatile_;
  Image durable_;
  std::vector<bool> dirty_;  // by block
};

}  // namespace lastgood::test
