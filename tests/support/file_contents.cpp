#include "tests/support/file_contents.h"

#include <algorithm>

namespace lastgood::test {

namespace {

bool flag(const std::vector<bool>& flags, std::uint64_t index) {
  return index < flags.size() && flags[index];
}

void set_flag(std::vector<bool>& flags, std::uint64_t index, bool value) {
  if (index >= flags.size()) flags.resize(index + 1, false);
  flags[index] = value;
}

}  // namespace

std::uint64_t FileContents::allocated_bytes() const {
  const auto blocks = std::count(volatile_.allocated.begin(), volatile_.allocated.end(), true);
  return static_cast<std::uint64_t>(blocks) * block_bytes_;
}

std::size_t FileContents::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset >= size()) return 0;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size() - offset));
  std::copy_n(volatile_.bytes.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
  return count;
}

void FileContents::write(std::uint64_t offset, std::span<const std::byte> data) {
  if (data.empty()) return;
  const std::uint64_t end = offset + data.size();
  if (end > size()) volatile_.bytes.resize(end);
  std::copy(data.begin(), data.end(), volatile_.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  touch(offset, end, true);
}

void FileContents::truncate(std::uint64_t size_wanted) {
  // Blocks that are cut off are touched too: after growing again they read as zeros, and the disk still has the old.
  if (size_wanted < size()) touch(size_wanted, size(), false);
  resize(volatile_, size_wanted, blocks_of(size_wanted));
}

void FileContents::punch(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t end = std::min(offset + length, size());
  if (offset >= end) return;
  std::fill(volatile_.bytes.begin() + static_cast<std::ptrdiff_t>(offset),
            volatile_.bytes.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
  touch(offset, end, false);
  const std::uint64_t whole_end = (offset + length) / block_bytes_;
  for (std::uint64_t block = blocks_of(offset); block < std::min(whole_end, blocks_of(end)); ++block) {
    set_flag(volatile_.allocated, block, false);
  }
}

void FileContents::sync() {
  resize(durable_, size(), blocks_of(size()));
  for (std::uint64_t block = 0; block < dirty_.size(); ++block) {
    if (dirty_[block]) copy_block(block, volatile_, durable_);
  }
  dirty_.clear();
}

void FileContents::fail_sync() {
  resize(durable_, size(), blocks_of(size()));
  dirty_.clear();
}

FileContents FileContents::after_power_loss(LossDecider& decide) const {
  const std::uint64_t size_left = decide.size_survives() ? size() : durable_.bytes.size();
  FileContents left(block_bytes_);
  Image& image = left.volatile_;
  image = durable_;
  resize(image, size_left, blocks_of(size_left));
  for (std::uint64_t block = 0; block < dirty_.size(); ++block) {
    // A truncation writes no blocks: where it comes undone, so does all that it cut off.
    if (!dirty_[block] || block * block_bytes_ >= size()) continue;
    const LossDecider::Block fate = decide.block();
    if (fate == LossDecider::Block::written) copy_block(block, volatile_, image);
    if (fate == LossDecider::Block::zero) {
      const Range range = block_range(block, image);
      std::fill(image.bytes.begin() + static_cast<std::ptrdiff_t>(range.begin),
                image.bytes.begin() + static_cast<std::ptrdiff_t>(range.end), std::byte{0});
    }
  }
  left.durable_ = image;
  return left;
}

FileContents::Range FileContents::block_range(std::uint64_t block, const Image& image) const {
  const std::uint64_t limit = image.bytes.size();
  return {std::min(block * block_bytes_, limit), std::min((block + 1) * block_bytes_, limit)};
}

void FileContents::touch(std::uint64_t begin, std::uint64_t end, bool allocate) {
  for (std::uint64_t block = begin / block_bytes_; block < blocks_of(end); ++block) {
    set_flag(dirty_, block, true);
    if (allocate) set_flag(volatile_.allocated, block, true);
  }
}

void FileContents::copy_block(std::uint64_t block, const Image& from, Image& to) const {
  const Range source = block_range(block, from);
  const Range target = block_range(block, to);
  const std::uint64_t count = std::min(source.end - source.begin, target.end - target.begin);
  std::copy_n(from.bytes.begin() + static_cast<std::ptrdiff_t>(source.begin), count,
              to.bytes.begin() + static_cast<std::ptrdiff_t>(target.begin));
  if (target.begin < target.end) set_flag(to.allocated, block, flag(from.allocated, block));
}

void FileContents::resize(Image& image, std::uint64_t size, std::uint64_t blocks) {
  image.bytes.resize(static_cast<std::size_t>(size));
  if (image.allocated.size() > blocks) image.allocated.resize(static_cast<std::size_t>(blocks));
}

}  // namespace lastgood::test
