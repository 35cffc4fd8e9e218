// Extents are reserved under a mutex and written outside of it, so that threads write to disjoint ranges of one file at
// the same time. Within one append(), small frames go out in one write with the padding between them; a large payload
// goes straight from the caller's memory.
#include "store/io/pack_writer.h"

#include <cstring>
#include <string>
#include <utility>

#include <lastgood/error.h>

#include "store/paths.h"
#include "store/rules.h"

namespace lastgood::io {

namespace {

// Small frames are gathered up to this size before they are written. A system call for each would cost more than the
// copy.
constexpr std::size_t kGatherBytes = 1u << 20;

/// Turns a sequence of rising extents into few writes: small ones are copied next to each other, with zeros between.
class GatheringWriter {
 public:
  explicit GatheringWriter(File& file) : file_(file) {}

  void copy(std::uint64_t offset, std::span<const std::byte> bytes) {
    // A gap before an empty buffer is left as a hole, which reads as zeros too.
    if (buffer_.empty()) start_ = offset;
    // The padding before `offset`, as zeros.
    buffer_.resize(static_cast<std::size_t>(offset - start_));
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    if (buffer_.size() >= kGatherBytes) flush();
  }

  void write_through(std::uint64_t offset, std::span<const std::byte> bytes) {
    flush();
    write_all(file_, offset, bytes);
    start_ = offset + bytes.size();
  }

  /// Writes what is gathered, and zeros up to `end`: the file's size is what was reserved.
  void finish(std::uint64_t end) {
    buffer_.resize(static_cast<std::size_t>(end - start_));
    flush();
  }

 private:
  void flush() {
    if (!buffer_.empty()) write_all(file_, start_, buffer_);
    start_ += buffer_.size();
    buffer_.clear();
  }

  File& file_;
  std::uint64_t start_ = 0;  // where buffer_ goes
  std::vector<std::byte> buffer_;
};

}  // namespace

// Throws where a file of that name is there: a uuid that comes twice means that something else is badly wrong.
PackWriter::PackWriter(FileSystem& files, std::filesystem::path directory, const format::PackHeader& header)
    : files_(files), directory_(std::move(directory)), header_(header) {
  file_ = files_.create(directory_ / paths::pack_name(header_.pack));
  write_all(*file_, 0, format::encode(header_));
}

// Extents are reserved before anything can fail, so a failed append leaves a gap and never an overlap.
std::vector<std::uint64_t> PackWriter::append(std::span<const FrameToWrite> frames) {
  if (frames.empty()) return {};
  std::vector<std::uint64_t> offsets;
  offsets.reserve(frames.size());
  std::uint64_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const FrameToWrite& frame : frames) {
      offsets.push_back(format::place_frame(end_, frame.stored.size()));
      end_ = format::frame_end(offsets.back(), frame.stored.size());
    }
    end = end_;
  }
  // Until all is written, the pack counts as failed: an exception from below leaves it so.
  ++unwritten_;
  GatheringWriter writer(*file_);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    writer.copy(offsets[i], format::encode(frames[i].header, header_.pack, offsets[i]));
    const std::uint64_t payload = offsets[i] + format::kHeaderBytes;
    if (frames[i].stored.size() < format::kLargePayload) {
      writer.copy(payload, frames[i].stored);
    } else {
      writer.write_through(payload, frames[i].stored);
    }
  }
  writer.finish(end);
  // The disk works while the next chunks are copied and hashed; seal() has the rest to wait for, not all of it.
  file_->start_writeback(offsets.front(), end - offsets.front());
  --unwritten_;
  return offsets;
}

void PackWriter::seal() {
  if (unwritten_ != 0) {
    throw Error(ErrorCode::internal, header_.pack.hex(),
                "pack " + header_.pack.hex() + " was to be sealed after a failed write; it must be written anew");
  }
  // Contents first, then the name that leads to them. Either alone can be lost with the power, and a commit that refers
  // to this pack may follow at once.
  if (rules::sync_pack) file_->sync_data();
  if (rules::sync_folder) files_.sync_directory(directory_);
}

std::uint64_t PackWriter::size() const {
  const std::lock_guard lock(mutex_);
  return end_;
}

}  // namespace lastgood::io
