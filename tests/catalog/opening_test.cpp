#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "store/catalog/schema.h"
#include "tests/catalog/raw_database.h"
#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

Error open_error(const fs::path& file, Access access = Access::read_write) {
  return thrown_by([&] { Catalog::open(file, access, {.busy_timeout = std::chrono::milliseconds{0}}); });
}

void overwrite(const fs::path& file, std::streamoff offset, const std::string& bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(offset);
  stream << bytes;
}

TEST_CASE("a catalog opens again with the store's identity and what was written") {
  SampleCatalog sample;
  const CheckpointId id = sample.add({.step = 7});
  for (const Access access : {Access::read_write, Access::read_only}) {
    const Catalog again = Catalog::open(sample.file, access, {});
    CHECK(again.store_uuid() == sample.store);
    again.read([&](Connection& c) { CHECK(find_checkpoint(c, id)->step == 7); });
    CHECK(again.integrity_problems().empty());
  }
}

TEST_CASE("a catalog is made with the settings that it relies on") {
  SampleCatalog sample;
  CHECK(sample.number("PRAGMA page_size") == 4096);
  CHECK(sample.number("PRAGMA auto_vacuum") == 0);
  CHECK(sample.number("PRAGMA foreign_keys") == 1);
  CHECK(sample.number("PRAGMA trusted_schema") == 0);
  CHECK(sample.number("PRAGMA cell_size_check") == 1);
  CHECK(sample.number("PRAGMA application_id") == kApplicationId);
  CHECK(sample.number("PRAGMA user_version") == kSchemaVersion);
  CHECK(sample.number("SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND schema = 'main' "
                      "AND name NOT LIKE 'sqlite%' AND NOT strict") == 0);
}

TEST_CASE("a catalog is not made over another one, and not opened where there is none") {
  SampleCatalog sample;
  const Error there = thrown_by([&] { Catalog::create(sample.file, sample.store, {}); });
  CHECK(there.code() == ErrorCode::already_exists);
  CHECK(open_error(sample.directory / "none.db").code() == ErrorCode::not_found);
  CHECK_FALSE(fs::exists(sample.directory / "none.db"));
}

TEST_CASE("what is no database, or another application's, is not taken for a catalog") {
  TemporaryDirectory directory;
  const fs::path file = directory / "catalog.db";
  SECTION("some text") {
    std::ofstream(file) << std::string(8192, 'x');
    const Error error = open_error(file);
    CHECK(error.code() == ErrorCode::corruption);
    CHECK_THAT(error.what(), Contains("`lastgood --store " + directory.path().string() + " rebuild`"));
  }
  SECTION("an empty file") {
    std::ofstream(file).flush();
    CHECK(open_error(file).code() == ErrorCode::corruption);
    CHECK(fs::file_size(file) == 0);
  }
  SECTION("a database of somebody else's") {
    RawDatabase(file).execute("CREATE TABLE t(x); PRAGMA application_id = 5; PRAGMA user_version = 1");
    const Error error = open_error(file);
    CHECK(error.code() == ErrorCode::corruption);
    CHECK_THAT(error.what(), Contains("not a Lastgood catalog"));
  }
}

TEST_CASE("a newer version is refused as such, and version 0 as damage") {
  SampleCatalog sample;
  RawDatabase(sample.file).execute("PRAGMA user_version = 3");
  CHECK(open_error(sample.file).code() == ErrorCode::unsupported_version);
  RawDatabase(sample.file).execute("PRAGMA user_version = 0");
  CHECK(open_error(sample.file).code() == ErrorCode::corruption);
}

TEST_CASE("a catalog that lacks a table or its identity is damaged") {
  SampleCatalog sample;
  SECTION("a table") {
    RawDatabase(sample.file).execute("DROP TABLE save_pin");
  }
  SECTION("the uuid") {
    RawDatabase(sample.file).execute("DELETE FROM meta WHERE key = 'store_uuid'");
  }
  SECTION("the uuid's length") {
    RawDatabase(sample.file).execute("UPDATE meta SET value = x'00'");
  }
  CHECK(open_error(sample.file).code() == ErrorCode::corruption);
}

TEST_CASE("damaged pages are found, and reported as corruption") {
  SampleCatalog sample;
  const auto begin = static_cast<std::streamoff>(fs::file_size(sample.file));  // the schema stays as it is
  for (Step step = 0; step < 200; ++step) sample.add({.step = step, .chunks = {1, 2, 3, 4, 5, 6, 7, 8}});
  const auto end = static_cast<std::streamoff>(fs::file_size(sample.file));
  REQUIRE(end > begin);
  for (std::streamoff page = begin; page < end; page += 4096) overwrite(sample.file, page, std::string(4096, 'x'));
  const Catalog again = Catalog::open(sample.file, Access::read_only, {});
  const std::vector<std::string> problems = again.integrity_problems();
  CHECK(problems.size() > 1);
  for (const std::string& problem : problems) CHECK(problem.find_first_of("\n*") == std::string::npos);
  const Error error = thrown_by([&] { again.read([](Connection& c) { list_checkpoints(c, {}); }); });
  CHECK(error.code() == ErrorCode::corruption);
  CHECK_THAT(error.what(), Contains("`lastgood --store " + sample.directory.path().string() + " rebuild`"));
}

TEST_CASE("references that do not add up are found") {
  SampleCatalog sample;
  sample.add({.chunks = {1, 2}});
  SECTION("a wrong count") {
    sample.tamper("UPDATE blob SET refs = 5 WHERE id = 1");
  }
  SECTION("a missing blob") {
    sample.tamper("DELETE FROM blob WHERE id = 1");
  }
  SECTION("a dead blob") {
    sample.tamper("UPDATE blob SET state = 1 WHERE id = 1");
  }
  SECTION("a missing checkpoint") {
    sample.tamper("INSERT INTO checkpoint_blob VALUES (99, 0, 1)");
  }
  SECTION("a missing run") {
    sample.tamper("DELETE FROM run");
  }
  CHECK_FALSE(sample.is_sound());
}

TEST_CASE("an interrupted write is undone by the next writer, and a reader alone says what is needed") {
  SampleCatalog sample;
  sample.add({});
  const fs::path copy = sample.directory / "copy.db";
  {
    RawDatabase raw(sample.file);
    raw.execute("PRAGMA journal_mode = PERSIST; BEGIN; UPDATE run SET name = 'torn'");
    raw.flush();
    fs::copy_file(sample.file, copy);
    fs::copy_file(sample.file.string() + "-journal", copy.string() + "-journal");
  }
  const Error error = open_error(copy, Access::read_only);
  CHECK(error.code() == ErrorCode::permission);
  CHECK_THAT(error.what(), Contains("open the store once with permission to write"));
  const Catalog again = Catalog::open(copy, Access::read_write, {});
  again.read([](Connection& c) { CHECK(find_run(c, "demo")); });
}

TEST_CASE("without rights, a catalog can be read and not written") {
  if (::geteuid() != 0) return;  // needs a second user
  SampleCatalog sample;
  sample.add({});
  fs::permissions(sample.directory.path(), fs::perms{0755});
  fs::permissions(sample.file, fs::perms{0644});
  const int status = run_without_rights([&] {
    const Catalog reader = Catalog::open(sample.file, Access::read_only, {});
    std::size_t seen = 0;
    reader.read([&](Connection& c) { seen = list_checkpoints(c, {}).size(); });
    if (seen != 1) return 1;
    if (open_error(sample.file).code() != ErrorCode::permission) return 2;
    return 0;
  });
  CHECK(status == 0);
}

TEST_CASE("a writable file in a directory without rights fails with permission at the first write") {
  if (::geteuid() != 0) return;  // needs a second user
  SampleCatalog sample;
  fs::remove(sample.file.string() + "-journal");
  fs::permissions(sample.directory.path(), fs::perms{0755});
  fs::permissions(sample.file, fs::perms{0666});
  const int status = run_without_rights([&] {
    const Catalog catalog = Catalog::open(sample.file, Access::read_write, {});
    const Error error = thrown_by([&] { catalog.write(Durability::durable, raise_gc_counter); });
    return error.code() == ErrorCode::permission ? 0 : 1;
  });
  CHECK(status == 0);
}

}  // namespace
}  // namespace lastgood::test
