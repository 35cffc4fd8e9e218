// A File over a descriptor. Positions are given with each call (pread, pwrite), so threads share no cursor.
#pragma once

#include <filesystem>
#include <utility>

#include "store/io/file_system.h"
#include "store/io/unique_fd.h"

namespace lastgood::io {

/// As safe from several threads as File asks for: the descriptor and the path never change.
class PosixFile final : public File {
 public:
  /// `path` is for messages only.
  PosixFile(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

  std::size_t read_some(std::uint64_t offset, std::span<std::byte> out) override;
  std::size_t write_some(std::uint64_t offset, std::span<const std::byte> data) override;
  void start_writeback(std::uint64_t offset, std::uint64_t length) noexcept override;
  void sync_data() override;
  std::uint64_t size() override;
  std::uint64_t allocated_bytes() override;
  bool punch_hole(std::uint64_t offset, std::uint64_t length) override;

 private:
  UniqueFd fd_;
  std::filesystem::path path_;
};

}  // namespace lastgood::io
