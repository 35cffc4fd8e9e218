// A catalog in a temporary directory, and short ways to fill it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "store/catalog/blobs.h"
#include "store/catalog/catalog.h"
#include "store/catalog/checkpoints.h"
#include "store/catalog/connection.h"
#include "store/catalog/packs.h"
#include "store/catalog/runs.h"
#include "store/catalog/saves.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

namespace lastgood::test {

/// The hash that tests give to the content of this number.
BlobHash hash_of(std::uint64_t content);

/// A chunk's frame of that content: 1,000 raw and 900 stored bytes.
catalog::NewBlob blob_of(std::uint64_t content, std::uint64_t offset,
                         format::FrameKind kind = format::FrameKind::chunk);
inline constexpr std::uint64_t kFrameBytes = 900 + format::kHeaderBytes;

/// One entry "w" of as many chunks, and a tied one "w2".
format::Manifest manifest_of(std::span<const std::uint64_t> chunks);

struct Saved {
  std::string run = "demo";
  Step step = 0;
  Stability stability = Stability::unknown;
  std::vector<std::uint64_t> chunks = {1, 2};  // contents; an equal one is stored once
  std::vector<std::pair<std::string, double>> metrics = {};
};

class SampleCatalog {
 public:
  explicit SampleCatalog(std::chrono::milliseconds busy_timeout = std::chrono::milliseconds{0});

  /// Commits a checkpoint as a save does, as child of the run's head.
  CheckpointId add(const Saved& saved);
  /// The blob that holds the content.
  catalog::BlobId blob(std::uint64_t content) const { return blobs_.at(content); }
  catalog::Blob row(std::uint64_t content) const;
  SessionId session(const std::string& run);
  CheckpointInfo info(CheckpointId id) const;
  /// Ids of list_checkpoints().
  std::vector<std::int64_t> list(std::optional<std::string> run = {}, std::optional<Stability> stability = {},
                                 std::uint64_t limit = 0) const;
  /// The result of a query for one number.
  std::int64_t number(const std::string& sql) const;

  /// Counts references and damage as SQLite and the integrity check see them: nothing is wrong.
  bool is_sound() const { return db.integrity_problems().empty(); }

  /// Runs the query in a transaction and returns its result.
  template <class Query>
  auto read(Query query) const {
    decltype(query(std::declval<catalog::Connection&>())) result{};
    db.read([&](catalog::Connection& c) { result = query(c); });
    return result;
  }
  template <class Change>
  void write(Change change) const {
    db.write(catalog::Durability::relaxed, change);
  }
  /// One statement past the library, as a user or an attacker with `sqlite3` runs it: no checks, no foreign keys.
  void tamper(const std::string& sql) const;

  TemporaryDirectory directory;
  std::filesystem::path file = directory / "catalog.db";
  format::Uuid store = format::Uuid::random();
  catalog::Catalog db;

 private:
  std::vector<catalog::BlobId> store_chunks(catalog::Connection& c, catalog::PackId pack, const Saved& saved);

  std::map<std::uint64_t, catalog::BlobId> blobs_;
  std::map<std::string, SessionId> sessions_;
  std::uint64_t next_own_content_ = 1'000'000;  // manifests and records
};

}  // namespace lastgood::test
