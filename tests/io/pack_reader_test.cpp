#include "store/io/pack_reader.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <thread>

#include "tests/io/pack_fixture.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

namespace lastgood::io {
namespace {

using test::Bytes;
using test::Fault;
using test::FaultKind;
using test::Process;
using test::thrown_by;

void flip(PackWorld& world, std::uint64_t offset) {
  world.disk.flip(world.path(), offset);
}

void require_damage(const PackWorld& world, const FrameRef& frame, const Error& error, const std::string& what) {
  REQUIRE(error.code() == ErrorCode::corruption);
  REQUIRE(error.subject() == world.path().string());
  REQUIRE_THAT(error.what(), Catch::Contains(world.path().string()) &&
                                 Catch::Contains("offset " + std::to_string(frame.offset)) && Catch::Contains(what));
}

TEST_CASE("every codec and size reads back") {
  PackWorld world;
  std::vector<Sample> samples = {packed_sample(100'000, 1), packed_sample(1 << 20, 4)};
  REQUIRE(samples[0].header.codec == format::Codec::zstd);
  REQUIRE(samples[1].header.codec == format::Codec::planes);
  for (const std::size_t size : {0u, 1u, 262'143u, 262'144u, 262'145u, 1'000'000u}) {
    samples.push_back(raw_sample(size, size));
  }
  const std::vector<FrameRef> refs = world.write(samples);
  PackReader reader(world.files, world.directory);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    CAPTURE(i);
    Bytes out(samples[i].raw.size());
    reader.read(refs[i], out);
    REQUIRE(out == samples[i].raw);
    REQUIRE_NOTHROW(reader.check_header(refs[i]));
  }
}

TEST_CASE("one damaged byte anywhere in a raw payload is found") {
  PackWorld world;
  const Sample sample = raw_sample(600'000, 1);
  const FrameRef frame = world.write({sample}).front();
  PackReader reader(world.files, world.directory);
  for (const std::uint64_t at : {0u, 1u, 262'143u, 262'144u, 300'000u, 524'288u, 599'999u}) {
    CAPTURE(at);
    const std::uint64_t offset = frame.offset + format::kHeaderBytes + at;
    flip(world, offset);
    require_damage(world, frame, thrown_by([&] { reader.read(frame); }), "hash mismatch");
    flip(world, offset);
    REQUIRE(reader.read(frame) == sample.raw);
  }
}

TEST_CASE("no damaged byte in a packed payload leads to other contents") {
  for (const Sample& sample : {packed_sample(200'000, 1), packed_sample(200'000, 4)}) {
    PackWorld world;
    const FrameRef frame = world.write({sample}).front();
    PackReader reader(world.files, world.directory);
    int found = 0;
    for (std::uint64_t at = 0; at < 100; ++at) {
      CAPTURE(static_cast<int>(sample.header.codec), at);
      const std::uint64_t offset = frame.offset + format::kHeaderBytes + at * sample.stored.size() / 100;
      flip(world, offset);
      // A few bits of a zstd stream mean nothing: without them the contents are still right.
      try {
        const Bytes out = reader.read(frame);
        REQUIRE(out == sample.raw);
      } catch (const Error& error) {
        require_damage(world, frame, error, "");
        ++found;
      }
      flip(world, offset);
    }
    REQUIRE(found > 50);
  }
}

TEST_CASE("a missing pack is damage that says so") {
  PackWorld world;
  const FrameRef frame = world.write({raw_sample(100, 1)}).front();
  world.disk.remove(world.path());
  PackReader reader(world.files, world.directory);
  require_damage(world, frame, thrown_by([&] { reader.read(frame); }), "pack file is missing");
  require_damage(world, frame, thrown_by([&] { reader.check_header(frame); }), "pack file is missing");
  REQUIRE(reader.read_unchecked(frame).empty());
}

TEST_CASE("a pack that ends within a frame is damage that says so") {
  for (const Sample& sample : {raw_sample(600'000, 1), packed_sample(200'000, 4)}) {
    PackWorld world;
    const FrameRef frame = world.write({sample}).front();
    const std::uint64_t payload = frame.offset + format::kHeaderBytes;
    world.disk.truncate(world.path(), payload + sample.stored.size() - 1);
    PackReader reader(world.files, world.directory);
    require_damage(world, frame, thrown_by([&] { reader.read(frame); }), "pack is shorter than its frame");
    REQUIRE_NOTHROW(reader.check_header(frame));
    REQUIRE(reader.read_unchecked(frame).size() == format::kHeaderBytes + sample.stored.size() - 1);
    world.disk.truncate(world.path(), payload - 1);
    require_damage(world, frame, thrown_by([&] { reader.check_header(frame); }), "pack is shorter than its frame");
  }
}

TEST_CASE("lengths that cannot be are refused before memory is taken for them") {
  PackWorld world;
  const std::vector<FrameRef> refs = world.write({raw_sample(100, 1), packed_sample(100'000, 1)});
  PackReader reader(world.files, world.directory);
  FrameRef raw = refs[0];
  raw.header.stored_bytes = 99;
  require_damage(world, raw, thrown_by([&] { reader.read(raw); }), "impossible length");
  FrameRef packed = refs[1];
  packed.header.stored_bytes = format::kMaxPayload + 1;
  require_damage(world, packed, thrown_by([&] { reader.read(packed); }), "impossible length");
  FrameRef huge = refs[0];
  huge.header.raw_bytes = huge.header.stored_bytes = std::uint64_t{1} << 60;
  require_damage(world, huge, thrown_by([&] { reader.read(huge); }), "impossible length");
}

TEST_CASE("a header that is damaged or another one than expected is found, and a read does not need it") {
  PackWorld world;
  const FrameRef frame = world.write({raw_sample(100, 1)}).front();
  PackReader reader(world.files, world.directory);
  for (int field = 0; field < 5; ++field) {
    FrameRef other = frame;
    if (field == 0) other.header.kind = format::FrameKind::manifest;
    if (field == 1) other.header.codec = format::Codec::zstd;
    if (field == 2) ++other.header.raw_bytes;
    if (field == 3) ++other.header.stored_bytes;
    if (field == 4) other.header.hash.bytes[15] ^= 1;
    CAPTURE(field);
    require_damage(world, other, thrown_by([&] { reader.check_header(other); }), "the header is another one");
  }
  for (std::uint64_t at = 0; at < format::kHeaderBytes; ++at) {
    CAPTURE(at);
    flip(world, frame.offset + at);
    require_damage(world, frame, thrown_by([&] { reader.check_header(frame); }), "");
    REQUIRE_NOTHROW(reader.read(frame));
    flip(world, frame.offset + at);
  }
}

TEST_CASE("the quarantine gets a frame's bytes as they are") {
  PackWorld world;
  const Sample sample = raw_sample(1000, 1);
  const FrameRef frame = world.write({sample}).front();
  flip(world, frame.offset + 70);
  const Bytes pack = world.disk.contents(world.path());
  const auto start = pack.begin() + static_cast<std::ptrdiff_t>(frame.offset);
  PackReader reader(world.files, world.directory);
  REQUIRE(reader.read_unchecked(frame) == Bytes(start, start + 64 + 1000));
}

TEST_CASE("a disk that fails to read is an error of the disk, not damage") {
  PackWorld world;
  const FrameRef frame = world.write({raw_sample(600'000, 1)}).front();
  for (std::uint64_t at = 1; at <= 4; ++at) {
    Process files(world.disk, {.fault = Fault{FaultKind::io_error, at}, .count_reads = true});
    PackReader reader(files, world.directory);
    const Error error = thrown_by([&] { reader.read(frame); });
    REQUIRE(error.code() == ErrorCode::io);
    REQUIRE(error.os_error() == EIO);
    REQUIRE_NOTHROW(reader.read(frame));
  }
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

TEST_CASE("any number of packs can be read, by many threads, with few of them open") {
  const test::TemporaryDirectory directory;
  const Sample sample = raw_sample(5000, 1);
  std::vector<FrameRef> refs;
  for (int i = 0; i < 150; ++i) {
    PackWriter writer(posix_file_system(), directory.path(), {format::Uuid::random(), {}});
    refs.push_back({writer.uuid(), append(writer, {sample}).front(), sample.header});
  }
  const std::size_t before = open_descriptors();
  PackReader reader(posix_file_system(), directory.path());
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < refs.size(); ++i) {
        if (reader.read(refs[(i * (t + 1)) % refs.size()]) == sample.raw) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(right == 600);
  REQUIRE(open_descriptors() == before + 64);
}

TEST_CASE("the packs that were read last stay open") {
  PackWorld world;
  const Sample sample = raw_sample(10, 1);
  std::vector<FrameRef> refs;
  for (int i = 0; i < 65; ++i) {
    world.header.pack = format::Uuid::random();
    refs.push_back(world.write({sample}).front());
  }
  PackReader reader(world.files, world.directory);
  for (std::size_t i = 0; i < 64; ++i) reader.read(refs[i]);
  reader.read(refs[0]);
  reader.read(refs[64]);
  for (const FrameRef& frame : refs) world.files.unlink(world.directory / paths::pack_name(frame.pack));
  REQUIRE_NOTHROW(reader.read(refs[0]));
  REQUIRE_NOTHROW(reader.read(refs[64]));
  REQUIRE_THROWS_AS(reader.read(refs[1]), Error);
}

}  // namespace
}  // namespace lastgood::io
