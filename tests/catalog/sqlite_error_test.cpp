#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "store/catalog/sqlite_error.h"
#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;
using Catch::Matchers::Contains;

struct Row {
  int code;
  int system_error;
  ErrorCode meaning;
};

TEST_CASE("each failure of SQLite has one meaning") {
  const Row rows[] = {
      {SQLITE_BUSY, 0, ErrorCode::busy},
      {SQLITE_BUSY_SNAPSHOT, 0, ErrorCode::busy},
      {SQLITE_LOCKED, 0, ErrorCode::busy},
      {SQLITE_FULL, 0, ErrorCode::no_space},
      {SQLITE_IOERR_WRITE, ENOSPC, ErrorCode::no_space},
      {SQLITE_IOERR_WRITE, EDQUOT, ErrorCode::no_space},
      {SQLITE_IOERR_FSYNC, EIO, ErrorCode::io},
      {SQLITE_IOERR_LOCK, ENOLCK, ErrorCode::unsupported_version},
      {SQLITE_CANTOPEN, EACCES, ErrorCode::permission},
      {SQLITE_CANTOPEN, EROFS, ErrorCode::permission},
      {SQLITE_CANTOPEN, ENOENT, ErrorCode::not_found},
      {SQLITE_CANTOPEN, EMFILE, ErrorCode::io},
      {SQLITE_READONLY, 0, ErrorCode::permission},
      {SQLITE_READONLY_ROLLBACK, 0, ErrorCode::permission},
      {SQLITE_READONLY_DBMOVED, 0, ErrorCode::io},
      {SQLITE_CORRUPT, 0, ErrorCode::corruption},
      {SQLITE_NOTADB, 0, ErrorCode::corruption},
      {SQLITE_ERROR, 0, ErrorCode::corruption},
      {SQLITE_CONSTRAINT_CHECK, 0, ErrorCode::corruption},
      {SQLITE_CONSTRAINT_FOREIGNKEY, 0, ErrorCode::internal},
      {SQLITE_CONSTRAINT_UNIQUE, 0, ErrorCode::internal},
      {SQLITE_TOOBIG, 0, ErrorCode::invalid_argument},
      {SQLITE_MISUSE, 0, ErrorCode::internal},
  };
  for (const Row& row : rows) {
    const Error error = thrown_by([&] {
      throw_sqlite_error({"/store/catalog.db", row.code, row.system_error, "what SQLite says", "doing"});
    });
    INFO("code " << row.code << ", errno " << row.system_error << ": " << error.what());
    CHECK(error.code() == row.meaning);
    CHECK(error.subject() == "/store/catalog.db");
    CHECK(error.os_error() == (row.system_error != 0 ? row.system_error : row.code));
    CHECK_THAT(error.what(), Contains("/store/catalog.db"));
  }
}

TEST_CASE("what cannot be stored as a number is refused") {
  SampleCatalog sample;
  sample.add({.chunks = {1}});
  const NewBlob far = blob_of(2, std::uint64_t{1} << 63);
  const Error error = thrown_by([&] { sample.write([&](Connection& c) { append_blobs(c, PackId{1}, {&far, 1}); }); });
  CHECK(error.code() == ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace lastgood::test
