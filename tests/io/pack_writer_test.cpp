#include "store/io/pack_writer.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "tests/io/pack_fixture.h"
#include "tests/support/thrown_error.h"

namespace lastgood::io {
namespace {

using test::Fault;
using test::FaultKind;
using test::PowerLoss;
using test::Process;
using test::thrown_by;

const std::vector<Sample>& mixed_samples() {
  static const std::vector<Sample> kSamples = [] {
    std::vector<Sample> samples;
    std::uint64_t seed = 0;
    for (const std::size_t size :
         {0u, 1u, 63u, 64u, 65u, 4096u, 65535u, 65536u, 65537u, 1u, 300'001u, 2'000'000u, 17u}) {
      samples.push_back(raw_sample(size, ++seed));
    }
    return samples;
  }();
  return kSamples;
}

void require_readable(FileSystem& files, const PackWorld& world, const std::vector<Sample>& samples,
                      const std::vector<std::uint64_t>& offsets) {
  PackReader reader(files, world.directory);
  REQUIRE(offsets.size() == samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const FrameRef frame = world.ref(samples[i], offsets[i]);
    reader.check_header(frame);
    REQUIRE(reader.read(frame) == samples[i].raw);
  }
}

TEST_CASE("a new pack starts with its header, and counts it") {
  PackWorld world;
  const PackWriter writer(world.files, world.directory, world.header);
  const format::PackHeader header = format::decode_pack_header(world.disk.contents(world.path()));
  REQUIRE(header.pack == world.header.pack);
  REQUIRE(header.store == world.header.store);
  REQUIRE(writer.uuid() == world.header.pack);
  REQUIRE(writer.size() == format::kHeaderBytes);
}

TEST_CASE("frames of every size are aligned, follow each other and read back") {
  PackWorld world;
  PackWriter writer(world.files, world.directory, world.header);
  const std::vector<Sample>& samples = mixed_samples();
  const std::vector<std::uint64_t> offsets = append(writer, samples);
  std::uint64_t end = format::kHeaderBytes;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    CAPTURE(i, offsets[i]);
    REQUIRE(offsets[i] >= end);
    REQUIRE(offsets[i] % format::kFrameAlignment == 0);
    if (samples[i].stored.size() >= format::kLargePayload) {
      REQUIRE((offsets[i] + format::kHeaderBytes) % format::kPayloadAlignment == 0);
    } else {
      REQUIRE(offsets[i] == end);
    }
    end = format::frame_end(offsets[i], samples[i].stored.size());
  }
  REQUIRE(writer.size() == end);
  REQUIRE(world.disk.contents(world.path()).size() == end);
  writer.seal();
  require_readable(world.files, world, samples, offsets);
}

TEST_CASE("the file is as long as what was reserved, whatever comes last") {
  for (const std::size_t last : {1u, 64u, 65537u, 100'000u, 1'100'000u}) {
    PackWorld world;
    PackWriter writer(world.files, world.directory, world.header);
    append(writer, {raw_sample(5, 1), raw_sample(last, 2)});
    REQUIRE(world.disk.contents(world.path()).size() == writer.size());
  }
}

TEST_CASE("what lies between frames reads as zeros") {
  PackWorld world;
  const std::vector<Sample>& samples = mixed_samples();
  const std::vector<FrameRef> refs = world.write(samples);
  test::Bytes pack = world.disk.contents(world.path());
  std::fill_n(pack.begin(), format::kHeaderBytes, std::byte{0});
  for (const FrameRef& frame : refs) {
    std::fill_n(pack.begin() + static_cast<std::ptrdiff_t>(frame.offset),
                format::kHeaderBytes + frame.header.stored_bytes, std::byte{0});
  }
  REQUIRE(std::all_of(pack.begin(), pack.end(), [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST_CASE("neighbouring small frames go out in one write, a large one in two") {
  PackWorld world;
  PackWriter writer(world.files, world.directory, world.header);
  const auto writes_of = [&](const std::vector<Sample>& samples) {
    const std::uint64_t before = world.files.operations();
    append(writer, samples);
    return world.files.operations() - before;
  };
  std::vector<Sample> small;
  for (std::uint64_t i = 0; i < 50; ++i) small.push_back(raw_sample(i * 50, i));
  REQUIRE(writes_of(small) == 1);
  REQUIRE(writes_of({raw_sample(1 << 20, 1)}) == 2);
  REQUIRE(writes_of({raw_sample(10, 1), raw_sample(1 << 16, 2), raw_sample(10, 3)}) == 3);
  REQUIRE(writes_of({}) == 0);
}

TEST_CASE("a long run of small frames is gathered piece by piece and loses nothing") {
  PackWorld world;
  PackWriter writer(world.files, world.directory, world.header);
  std::vector<Sample> samples;
  for (std::uint64_t i = 0; i < 80; ++i) samples.push_back(raw_sample(60'000 + i, i));
  const std::uint64_t before = world.files.operations();
  const std::vector<std::uint64_t> offsets = append(writer, samples);
  REQUIRE(world.files.operations() - before == 5);
  writer.seal();
  require_readable(world.files, world, samples, offsets);
}

TEST_CASE("many threads append to one pack without touching each other's frames") {
  PackWorld world;
  PackWriter writer(world.files, world.directory, world.header);
  constexpr std::size_t kThreads = 8;
  std::vector<std::vector<Sample>> samples(kThreads);
  std::vector<std::vector<std::uint64_t>> offsets(kThreads);
  for (std::size_t t = 0; t < kThreads; ++t) {
    for (std::size_t i = 0; i < 40; ++i)
      samples[t].push_back(raw_sample((i * 7919 + t * 104'729) % 90'000, t * 100 + i));
  }
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < samples[t].size(); i += 2) {
        const std::vector<std::uint64_t> pair = append(writer, {samples[t][i], samples[t][i + 1]});
        offsets[t].insert(offsets[t].end(), pair.begin(), pair.end());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer.seal();
  REQUIRE(world.disk.contents(world.path()).size() == writer.size());
  for (std::size_t t = 0; t < kThreads; ++t) require_readable(world.files, world, samples[t], offsets[t]);
}

TEST_CASE("a sealed pack survives every power loss, one that was not sealed need not") {
  PackWorld world;
  PackWriter writer(world.files, world.directory, world.header);
  const std::vector<std::uint64_t> offsets = append(writer, mixed_samples());
  REQUIRE_FALSE(world.disk.after_power_loss(PowerLoss::lose_unsynced)->exists(world.path()));
  writer.seal();
  for (const PowerLoss loss : test::kPowerLosses) {
    CAPTURE(to_string(loss));
    const auto later = world.disk.after_power_loss(loss, 1);
    Process files(*later);
    require_readable(files, world, mixed_samples(), offsets);
  }
}

TEST_CASE("short writes are continued") {
  PackWorld world;
  Process files(world.disk, {.fault = Fault{FaultKind::short_write, 1, true}});
  PackWriter writer(files, world.directory, world.header);
  const std::vector<std::uint64_t> offsets = append(writer, mixed_samples());
  writer.seal();
  REQUIRE(files.fault_met().has_value());
  require_readable(world.files, world, mixed_samples(), offsets);
}

TEST_CASE("each operation that fails is reported, and its pack cannot be sealed") {
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::no_space}) {
    PackWorld world;
    Process counter(world.disk);
    {
      PackWriter writer(counter, world.directory, world.header);
      append(writer, mixed_samples());
      writer.seal();
    }
    const std::uint64_t operations = counter.operations();
    REQUIRE(operations == 13);
    for (std::uint64_t at = 1; at <= operations; ++at) {
      PackWorld fresh;
      Process files(fresh.disk, {.fault = Fault{kind, at}});
      CAPTURE(to_string(kind), at);
      std::unique_ptr<PackWriter> writer;
      const Error error = thrown_by([&] {
        writer = std::make_unique<PackWriter>(files, fresh.directory, fresh.header);
        append(*writer, mixed_samples());
        writer->seal();
      });
      REQUIRE(error.code() == (kind == FaultKind::io_error ? ErrorCode::io : ErrorCode::no_space));
      const bool in_append = at > 2 && at <= operations - 2;
      if (in_append) {
        const Error refused = thrown_by([&] { writer->seal(); });
        REQUIRE(refused.code() == ErrorCode::internal);
        REQUIRE_THAT(refused.what(), Catch::Contains(fresh.header.pack.hex()));
      }
    }
  }
}

TEST_CASE("a failed sync is reported, and the data are gone with the power") {
  PackWorld world;
  Process files(world.disk, {.fault = Fault{FaultKind::failed_sync, 4}});
  PackWriter writer(files, world.directory, world.header);
  const Sample sample = raw_sample(1000, 1);
  const std::vector<std::uint64_t> offsets = append(writer, {sample});
  const Error error = thrown_by([&] { writer.seal(); });
  REQUIRE(error.code() == ErrorCode::io);
  REQUIRE(error.os_error() == EIO);
  writer.seal();
  const auto later = world.disk.after_power_loss(PowerLoss::keep_everything);
  Process after(*later);
  PackReader reader(after, world.directory);
  REQUIRE(thrown_by([&] { reader.read(world.ref(sample, offsets[0])); }).code() == ErrorCode::corruption);
}

TEST_CASE("a pack is never written over another one") {
  PackWorld world;
  world.write({raw_sample(10, 1)});
  const Error error = thrown_by([&] { PackWriter(world.files, world.directory, world.header); });
  REQUIRE(error.os_error() == EEXIST);
}

}  // namespace
}  // namespace lastgood::io
