// What every FileSystem must do, run over the machine's own and over the simulated one.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <string>

#include "store/io/file_system.h"
#include "tests/support/bytes.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

namespace lastgood::io {
namespace {

using test::Bytes;
using test::bytes_of;
using test::thrown_by;

class PosixWorld {
 public:
  FileSystem& files() { return posix_file_system(); }
  std::filesystem::path operator/(const char* name) const { return directory_ / name; }
  std::filesystem::path root() const { return directory_.path(); }

 private:
  test::TemporaryDirectory directory_;
};

class SimulatedWorld {
 public:
  SimulatedWorld() { process_.make_directory(root()); }
  FileSystem& files() { return process_; }
  std::filesystem::path operator/(const char* name) const { return root() / name; }
  std::filesystem::path root() const { return "/store"; }

 private:
  test::SimulatedDisk disk_;
  test::Process process_{disk_};
};

Bytes read_all(File& file) {
  Bytes bytes(file.size());
  bytes.resize(read_fully(file, 0, bytes));
  return bytes;
}

void create_with(FileSystem& files, const std::filesystem::path& path, const std::string& text) {
  write_all(*files.create(path), 0, bytes_of(text));
}

#define EVERY_FILE_SYSTEM(name) TEMPLATE_TEST_CASE(name, "", PosixWorld, SimulatedWorld)

EVERY_FILE_SYSTEM("a file reads back what was written, and a gap reads as zeros") {
  TestType world;
  const auto file = world.files().create(world / "f");
  write_all(*file, 10, bytes_of("world"));
  write_all(*file, 0, bytes_of("hello"));
  REQUIRE(file->size() == 15);
  REQUIRE(read_all(*file) == bytes_of(std::string("hello\0\0\0\0\0world", 15)));
  Bytes out(8);
  REQUIRE(read_fully(*file, 12, out) == 3);
  REQUIRE(file->read_some(15, out) == 0);
  REQUIRE(file->read_some(1000, out) == 0);
  file->sync_data();
  file->start_writeback(0, 15);
  REQUIRE(read_all(*world.files().open(world / "f", false)) == read_all(*file));
}

EVERY_FILE_SYSTEM("creating refuses a name that is taken, and a directory that is missing") {
  TestType world;
  create_with(world.files(), world / "f", "old");
  const Error taken = thrown_by([&] { world.files().create(world / "f"); });
  REQUIRE(taken.code() == ErrorCode::io);
  REQUIRE(taken.os_error() == EEXIST);
  REQUIRE(taken.subject() == (world / "f").string());
  REQUIRE_THAT(taken.what(), Catch::Contains((world / "f").string()) && Catch::Contains("File exists"));
  REQUIRE(read_all(*world.files().open(world / "f", false)) == bytes_of("old"));
  REQUIRE(thrown_by([&] { world.files().create(world / "none/f"); }).os_error() == ENOENT);
  REQUIRE(thrown_by([&] { world.files().create(world / "f/below"); }).os_error() == ENOTDIR);
}

EVERY_FILE_SYSTEM("opening what is not there gives nothing, and a directory is no file") {
  TestType world;
  create_with(world.files(), world / "f", "x");
  REQUIRE(world.files().open(world / "none", false) == nullptr);
  REQUIRE(world.files().open(world / "none/deeper", true) == nullptr);
  REQUIRE(world.files().open(world / "f/below", false) == nullptr);
  REQUIRE(thrown_by([&] { world.files().open(world.root(), false); }).os_error() == EISDIR);
}

EVERY_FILE_SYSTEM("a file that was opened for reading cannot be changed") {
  TestType world;
  create_with(world.files(), world / "f", "text");
  const auto file = world.files().open(world / "f", false);
  REQUIRE(thrown_by([&] { file->write_some(0, bytes_of("X")); }).os_error() == EBADF);
  REQUIRE(thrown_by([&] { file->punch_hole(0, 4096); }).os_error() == EBADF);
  REQUIRE(read_all(*file) == bytes_of("text"));
}

EVERY_FILE_SYSTEM("info tells files from directories, and absence from both") {
  TestType world;
  create_with(world.files(), world / "f", "12345");
  REQUIRE(world.files().info(world / "f")->size == 5);
  REQUIRE_FALSE(world.files().info(world / "f")->is_directory);
  REQUIRE(world.files().info(world.root())->is_directory);
  REQUIRE_FALSE(world.files().info(world / "none").has_value());
  REQUIRE_FALSE(world.files().info(world / "f/below").has_value());
}

EVERY_FILE_SYSTEM("a directory lists its entries and nothing else") {
  TestType world;
  REQUIRE(world.files().list(world.root()).empty());
  create_with(world.files(), world / "b", "");
  world.files().make_directory(world / "a");
  create_with(world.files(), world / "a/inner", "");
  auto entries = world.files().list(world.root());
  std::sort(entries.begin(), entries.end(), [](const auto& x, const auto& y) { return x.name < y.name; });
  REQUIRE(entries.size() == 2);
  REQUIRE((entries[0].name == "a" && entries[0].is_directory));
  REQUIRE((entries[1].name == "b" && !entries[1].is_directory));
  REQUIRE(thrown_by([&] { world.files().list(world / "none"); }).os_error() == ENOENT);
  REQUIRE(thrown_by([&] { world.files().list(world / "b"); }).os_error() == ENOTDIR);
}

EVERY_FILE_SYSTEM("a directory is made once, below one that exists") {
  TestType world;
  world.files().make_directory(world / "d");
  REQUIRE(thrown_by([&] { world.files().make_directory(world / "d"); }).os_error() == EEXIST);
  REQUIRE(thrown_by([&] { world.files().make_directory(world / "x/y"); }).os_error() == ENOENT);
  world.files().sync_directory(world / "d");
  REQUIRE(thrown_by([&] { world.files().sync_directory(world / "x"); }).os_error() == ENOENT);
}

EVERY_FILE_SYSTEM("a removed file is gone, stays readable where it is open, and may be missing") {
  TestType world;
  create_with(world.files(), world / "f", "still here");
  const auto file = world.files().open(world / "f", false);
  world.files().unlink(world / "f");
  world.files().unlink(world / "f");
  REQUIRE_FALSE(world.files().info(world / "f").has_value());
  REQUIRE(read_all(*file) == bytes_of("still here"));
  world.files().make_directory(world / "d");
  REQUIRE(thrown_by([&] { world.files().unlink(world / "d"); }).os_error() == EISDIR);
}

EVERY_FILE_SYSTEM("a rename replaces what is there") {
  TestType world;
  create_with(world.files(), world / "from", "new");
  create_with(world.files(), world / "to", "old");
  world.files().make_directory(world / "d");
  world.files().rename(world / "from", world / "to");
  REQUIRE_FALSE(world.files().info(world / "from").has_value());
  REQUIRE(read_all(*world.files().open(world / "to", false)) == bytes_of("new"));
  world.files().rename(world / "to", world / "d/moved");
  REQUIRE(read_all(*world.files().open(world / "d/moved", false)) == bytes_of("new"));
  REQUIRE(thrown_by([&] { world.files().rename(world / "from", world / "to"); }).os_error() == ENOENT);
  create_with(world.files(), world / "f", "");
  REQUIRE(thrown_by([&] { world.files().rename(world / "f", world / "d"); }).os_error() == EISDIR);
}

EVERY_FILE_SYSTEM("a punched hole reads as zeros, frees its blocks and keeps the size") {
  TestType world;
  const std::uint64_t block = world.files().block_bytes(world.root());
  REQUIRE(block >= 512);
  REQUIRE((block & (block - 1)) == 0);
  const auto file = world.files().create(world / "f");
  write_all(*file, 0, Bytes(4 * block, std::byte{7}));
  file->sync_data();
  const std::uint64_t full = file->allocated_bytes();
  REQUIRE(full >= 4 * block);
  if (!file->punch_hole(block, 2 * block)) {
    WARN("this file system has no holes");
    REQUIRE(file->allocated_bytes() == full);
    return;
  }
  Bytes expected(4 * block, std::byte{7});
  std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(block), 2 * block, std::byte{0});
  REQUIRE(read_all(*file) == expected);
  REQUIRE(file->size() == 4 * block);
  REQUIRE(file->allocated_bytes() == full - 2 * block);
  REQUIRE(file->punch_hole(3 * block, 10 * block));
  REQUIRE(file->size() == 4 * block);
  REQUIRE(thrown_by([&] { file->punch_hole(0, 0); }).os_error() == EINVAL);
}

EVERY_FILE_SYSTEM("an exclusive lock excludes all others, until it is released") {
  TestType world;
  auto held = world.files().try_lock(world / "lock", LockMode::exclusive);
  REQUIRE(held != nullptr);
  REQUIRE(world.files().try_lock(world / "lock", LockMode::exclusive) == nullptr);
  REQUIRE(world.files().try_lock(world / "lock", LockMode::shared) == nullptr);
  REQUIRE(world.files().try_lock(world / "other", LockMode::exclusive) != nullptr);
  held.reset();
  REQUIRE(world.files().info(world / "lock").has_value());
  REQUIRE(world.files().try_lock(world / "lock", LockMode::exclusive) != nullptr);
}

EVERY_FILE_SYSTEM("shared locks exclude only exclusive ones") {
  TestType world;
  auto one = world.files().try_lock(world / "lock", LockMode::shared);
  auto two = world.files().try_lock(world / "lock", LockMode::shared);
  REQUIRE((one != nullptr && two != nullptr));
  one.reset();
  REQUIRE(world.files().try_lock(world / "lock", LockMode::exclusive) == nullptr);
  two.reset();
  REQUIRE(world.files().try_lock(world / "lock", LockMode::exclusive) != nullptr);
}

EVERY_FILE_SYSTEM("a lock whose file was removed does not hold the next one up") {
  TestType world;
  const auto old = world.files().try_lock(world / "lock", LockMode::exclusive);
  world.files().unlink(world / "lock");
  const auto fresh = world.files().try_lock(world / "lock", LockMode::exclusive);
  REQUIRE(fresh != nullptr);
  REQUIRE(world.files().try_lock(world / "lock", LockMode::exclusive) == nullptr);
}

EVERY_FILE_SYSTEM("a lock's note is read by others, and replaced as a whole") {
  TestType world;
  REQUIRE(world.files().lock_note(world / "lock").empty());
  const auto lock = world.files().try_lock(world / "lock", LockMode::exclusive);
  REQUIRE(world.files().lock_note(world / "lock").empty());
  lock->write_note("pid 4711 on node12");
  REQUIRE(world.files().lock_note(world / "lock") == "pid 4711 on node12");
  lock->write_note("pid 1");
  REQUIRE(world.files().lock_note(world / "lock") == "pid 1");
  lock->write_note("");
  REQUIRE(world.files().lock_note(world / "lock").empty());
}

EVERY_FILE_SYSTEM("a lock in a directory that is missing is an error, not a busy lock") {
  TestType world;
  const Error error = thrown_by([&] { world.files().try_lock(world / "none/lock", LockMode::shared); });
  REQUIRE(error.os_error() == ENOENT);
}

}  // namespace
}  // namespace lastgood::io
