// The simulation itself: what a power loss takes, and what it must leave.
#include "tests/support/simulated_disk.h"

#include <catch2/catch.hpp>

#include <set>

#include "tests/support/bytes.h"
#include "tests/support/process.h"

namespace lastgood::test {
namespace {

constexpr std::uint64_t kBlock = 4096;

/// A disk with a durable file /d/f of one block of 'a'.
struct World {
  SimulatedDisk disk;
  Process process{disk};
  std::unique_ptr<io::File> file;

  World() {
    process.make_directory("/d");
    process.sync_directory("/");
    file = process.create("/d/f");
    io::write_all(*file, 0, Bytes(kBlock, std::byte{'a'}));
    file->sync_data();
    process.sync_directory("/d");
  }
  std::unique_ptr<SimulatedDisk> cut(PowerLoss loss, std::uint64_t seed = 0) {
    return disk.after_power_loss(loss, seed);
  }
};

Bytes blocks(std::string_view letters) {
  Bytes bytes;
  for (const char letter : letters) bytes.insert(bytes.end(), kBlock, static_cast<std::byte>(letter));
  return bytes;
}

TEST_CASE("what was synced survives every power loss") {
  World world;
  for (const PowerLoss loss : kPowerLosses) {
    CAPTURE(to_string(loss));
    REQUIRE(world.cut(loss)->contents("/d/f") == blocks("a"));
  }
}

TEST_CASE("contents and sizes that were not synced are lost in the way that is asked for") {
  World world;
  io::write_all(*world.file, 0, blocks("bc"));
  REQUIRE(world.disk.contents("/d/f") == blocks("bc"));
  REQUIRE(world.cut(PowerLoss::lose_unsynced)->contents("/d/f") == blocks("a"));
  REQUIRE(world.cut(PowerLoss::only_entries)->contents("/d/f") == blocks("a"));
  REQUIRE(world.cut(PowerLoss::zero_contents)->contents("/d/f") == blocks(std::string_view("\0\0", 2)));
  REQUIRE(world.cut(PowerLoss::stale_contents)->contents("/d/f") == blocks(std::string_view("a\0", 2)));
  REQUIRE(world.cut(PowerLoss::lose_entries)->contents("/d/f") == blocks("bc"));
  REQUIRE(world.cut(PowerLoss::keep_everything)->contents("/d/f") == blocks("bc"));
  world.file->sync_data();
  REQUIRE(world.cut(PowerLoss::lose_unsynced)->contents("/d/f") == blocks("bc"));
}

TEST_CASE("a sync makes only its own file durable") {
  World world;
  const auto other = world.process.create("/d/g");
  io::write_all(*other, 0, blocks("x"));
  world.process.sync_directory("/d");
  world.file->sync_data();
  REQUIRE(world.cut(PowerLoss::lose_unsynced)->contents("/d/g").empty());
}

TEST_CASE("names are durable by a sync of their directory, not of their file") {
  World world;
  const auto other = world.process.create("/d/g");
  io::write_all(*other, 0, blocks("x"));
  other->sync_data();
  REQUIRE_FALSE(world.cut(PowerLoss::lose_unsynced)->exists("/d/g"));
  REQUIRE_FALSE(world.cut(PowerLoss::lose_entries)->exists("/d/g"));
  REQUIRE(world.cut(PowerLoss::only_entries)->contents("/d/g") == blocks("x"));
  world.process.sync_directory("/d");
  REQUIRE(world.cut(PowerLoss::lose_unsynced)->contents("/d/g") == blocks("x"));
}

TEST_CASE("a new directory is lost with all that is in it until its parent is synced") {
  World world;
  world.process.make_directory("/d/e");
  world.process.create("/d/e/f");
  world.process.sync_directory("/d/e");
  REQUIRE_FALSE(world.cut(PowerLoss::lose_unsynced)->exists("/d/e"));
  world.process.sync_directory("/d");
  REQUIRE(world.cut(PowerLoss::lose_unsynced)->exists("/d/e/f"));
}

TEST_CASE("a removal that was not synced may come undone") {
  World world;
  world.process.unlink("/d/f");
  REQUIRE_FALSE(world.disk.exists("/d/f"));
  REQUIRE(world.cut(PowerLoss::lose_unsynced)->contents("/d/f") == blocks("a"));
  REQUIRE_FALSE(world.cut(PowerLoss::keep_everything)->exists("/d/f"));
  world.process.sync_directory("/d");
  REQUIRE_FALSE(world.cut(PowerLoss::lose_unsynced)->exists("/d/f"));
}

TEST_CASE("a rename within a directory happens wholly or not at all") {
  World world;
  const auto other = world.process.create("/d/g");
  io::write_all(*other, 0, blocks("x"));
  other->sync_data();
  world.process.sync_directory("/d");
  world.process.rename("/d/g", "/d/f");
  std::set<bool> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto later = world.cut(PowerLoss::random_subset, seed);
    const bool renamed = !later->exists("/d/g");
    seen.insert(renamed);
    REQUIRE(later->contents("/d/f") == blocks(renamed ? "x" : "a"));
  }
  REQUIRE(seen.size() == 2);
}

TEST_CASE("random losses mix old and new blocks, sizes and names, and repeat by their seed") {
  World world;
  io::write_all(*world.file, 0, blocks("bbbbbbbb"));
  world.process.create("/d/g");
  std::set<Bytes> contents;
  std::set<bool> names;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto later = world.cut(PowerLoss::random_subset, seed);
    contents.insert(later->contents("/d/f"));
    names.insert(later->exists("/d/g"));
    REQUIRE(later->contents("/d/f") == world.cut(PowerLoss::random_subset, seed)->contents("/d/f"));
  }
  REQUIRE(contents.size() > 10);
  REQUIRE(names.size() == 2);
}

TEST_CASE("a hole is not durable before the next sync") {
  World world;
  REQUIRE(world.file->punch_hole(0, kBlock));
  REQUIRE(world.file->allocated_bytes() == 0);
  REQUIRE(world.cut(PowerLoss::lose_unsynced)->contents("/d/f") == blocks("a"));
  world.file->sync_data();
  const auto later = world.cut(PowerLoss::lose_unsynced);
  REQUIRE(later->contents("/d/f") == blocks(std::string_view("\0", 1)));
  Process reader(*later);
  REQUIRE(reader.open("/d/f", false)->allocated_bytes() == 0);
}

TEST_CASE("a hole frees only whole blocks, but zeros all of its range") {
  World world;
  io::write_all(*world.file, 0, blocks("aaa"));
  REQUIRE(world.file->punch_hole(1, 2 * kBlock));
  REQUIRE(world.file->allocated_bytes() == 2 * kBlock);
  const Bytes bytes = world.disk.contents("/d/f");
  REQUIRE((bytes[0] == std::byte{'a'} && bytes[1] == std::byte{0}));
  REQUIRE((bytes[2 * kBlock] == std::byte{0} && bytes[2 * kBlock + 1] == std::byte{'a'}));
}

TEST_CASE("a disk without holes says so and changes nothing") {
  SimulatedDisk disk({.has_holes = false, .is_local = false});
  Process process(disk);
  const auto file = process.create("/f");
  io::write_all(*file, 0, blocks("a"));
  REQUIRE_FALSE(file->punch_hole(0, kBlock));
  REQUIRE(disk.contents("/f") == blocks("a"));
  REQUIRE_FALSE(process.is_local("/f"));
}

TEST_CASE("what was cut off does not come back as zeros have been promised") {
  FileContents contents(kBlock);
  contents.write(0, blocks("ab"));
  contents.sync();
  contents.truncate(kBlock);
  contents.truncate(2 * kBlock);
  REQUIRE(contents.bytes() == blocks(std::string_view("a\0", 2)));
  contents.sync();
  LossDecider lose(PowerLoss::lose_unsynced, 0);
  REQUIRE(contents.after_power_loss(lose).bytes() == blocks(std::string_view("a\0", 2)));
}

TEST_CASE("a truncation that was not synced may come undone") {
  FileContents contents(kBlock);
  contents.write(0, blocks("ab"));
  contents.sync();
  contents.truncate(10);
  LossDecider lose(PowerLoss::lose_unsynced, 0);
  REQUIRE(contents.after_power_loss(lose).bytes() == blocks("ab"));
  LossDecider keep(PowerLoss::keep_everything, 0);
  REQUIRE(contents.after_power_loss(keep).size() == 10);
}

TEST_CASE("a power loss can be followed by another") {
  World world;
  io::write_all(*world.file, 0, blocks("b"));
  const auto second = world.cut(PowerLoss::keep_everything);
  Process process(*second);
  const auto file = process.open("/d/f", true);
  io::write_all(*file, 0, blocks("c"));
  REQUIRE(second->after_power_loss(PowerLoss::lose_unsynced)->contents("/d/f") == blocks("b"));
}

TEST_CASE("damage, truncation and removal by the test are durable at once") {
  World world;
  world.disk.damage("/d/f", 1, bytes_of("?"));
  REQUIRE(world.cut(PowerLoss::lose_unsynced)->contents("/d/f")[1] == std::byte{'?'});
  world.disk.truncate("/d/f", 1);
  REQUIRE(world.cut(PowerLoss::lose_unsynced)->contents("/d/f").size() == 1);
  world.disk.remove("/d/f");
  REQUIRE_FALSE(world.cut(PowerLoss::lose_unsynced)->exists("/d/f"));
}

}  // namespace
}  // namespace lastgood::test
