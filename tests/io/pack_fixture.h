// Frames and packs for the tests of the pack writer and reader.
#pragma once

#include <utility>
#include <vector>

#include "store/format/codec.h"
#include "store/format/digest.h"
#include "store/io/pack_reader.h"
#include "store/io/pack_writer.h"
#include "store/paths.h"
#include "tests/support/bytes.h"
#include "tests/support/process.h"

namespace lastgood::io {

/// A payload and the frame that holds it.
struct Sample {
  test::Bytes raw;
  test::Bytes stored;
  format::FrameHeader header;

  FrameToWrite frame() const { return {header, stored}; }
};

inline Sample raw_sample(std::size_t bytes, std::uint64_t seed) {
  Sample sample;
  sample.raw = test::random_bytes(bytes, seed);
  sample.stored = sample.raw;
  sample.header.raw_bytes = sample.header.stored_bytes = bytes;
  sample.header.hash = format::hash_bytes(sample.raw);
  return sample;
}

/// Packed by byte planes of `element_bytes`; 1: plain zstd.
inline Sample packed_sample(std::size_t bytes, std::size_t element_bytes) {
  Sample sample = raw_sample(bytes, 1);
  for (std::size_t i = 0; i < bytes; ++i) {
    if (i % element_bytes != 0 || element_bytes == 1) sample.raw[i] = static_cast<std::byte>(i / 1024 % 7);
  }
  format::Packed packed = format::pack(sample.raw, element_bytes).value();
  sample.header.codec = packed.codec;
  sample.header.stored_bytes = packed.bytes.size();
  sample.header.hash = format::hash_bytes(sample.raw);
  sample.stored = std::move(packed.bytes);
  return sample;
}

inline std::vector<std::uint64_t> append(PackWriter& writer, const std::vector<Sample>& samples) {
  std::vector<FrameToWrite> frames;
  for (const Sample& sample : samples) frames.push_back(sample.frame());
  return writer.append(frames);
}

/// A simulated machine with an empty folder for packs.
struct PackWorld {
  test::SimulatedDisk disk;
  test::Process files{disk};
  std::filesystem::path directory = "/blobs";
  format::PackHeader header{format::Uuid::random(), format::Uuid::random()};

  PackWorld() {
    files.make_directory(directory);
    files.sync_directory("/");
  }
  std::filesystem::path path() const { return directory / paths::pack_name(header.pack); }
  FrameRef ref(const Sample& sample, std::uint64_t offset) const { return {header.pack, offset, sample.header}; }

  /// Writes and seals a pack of these; returns where they are.
  std::vector<FrameRef> write(const std::vector<Sample>& samples) {
    PackWriter writer(files, directory, header);
    const std::vector<std::uint64_t> offsets = append(writer, samples);
    writer.seal();
    std::vector<FrameRef> refs;
    for (std::size_t i = 0; i < samples.size(); ++i) refs.push_back(ref(samples[i], offsets[i]));
    return refs;
  }
};

}  // namespace lastgood::io
