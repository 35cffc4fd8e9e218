// Partial reads and writes are ordinary (a signal, a file system's limit), so everybody goes through these two loops.
#include "store/io/file_system.h"

namespace lastgood::io {

void write_all(File& file, std::uint64_t offset, std::span<const std::byte> data) {
  // Ends: write_some() writes at least one byte, or throws.
  while (!data.empty()) {
    const std::size_t written = file.write_some(offset, data);
    offset += written;
    data = data.subspan(written);
  }
}

// Less than asked for is an answer and no error: whether a file may end there, only the caller knows.
std::size_t read_fully(File& file, std::uint64_t offset, std::span<std::byte> out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const std::size_t got = file.read_some(offset + filled, out.subspan(filled));
    if (got == 0) break;
    filled += got;
  }
  return filled;
}

}  // namespace lastgood::io
