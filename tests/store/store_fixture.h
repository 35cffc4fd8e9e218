// A store for tests of its operations, filled row by row and frame by frame: the test decides what lies where.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <lastgood/history.h>
#include <lastgood/store.h>

#include "store/catalog/catalog.h"
#include "store/catalog/rows.h"
#include "store/catalog/saves.h"
#include "store/format/uuid.h"
#include "store/io/file_system.h"
#include "store/store_impl.h"
#include "tests/support/bytes.h"
#include "tests/support/temporary_directory.h"

namespace lastgood::test {

/// What a checkpoint of the fixture holds. Entries are of dtype `bytes` in section `model`, in chunks of kChunk.
struct SaveSpec {
  std::string run = "demo";
  Step step = 0;
  std::vector<std::pair<std::string, Bytes>> entries = {};
  Stability stability = Stability::unknown;
  std::map<std::string, double> metrics = {};
  std::int64_t created_at_ms = 1'000'000;
};

inline constexpr std::uint64_t kChunk = 64 * 1024;

/// A save that was begun and not ended: its row and, where `lock` is set, its lock.
struct OpenSave {
  format::Uuid uuid;
  catalog::BegunSave rows;
  std::unique_ptr<io::FileLock> lock;
};

class StoreFixture {
 public:
  /// On the real disk, in a directory of its own.
  StoreFixture() : StoreFixture(io::posix_file_system(), nullptr) {}
  /// In "/store" of another file system, which must outlive the fixture.
  explicit StoreFixture(io::FileSystem& files) : StoreFixture(files, "/store") {}

  Store& store() const { return *store_; }
  const catalog::Catalog& catalog() const { return store_->impl().use(); }
  io::FileSystem& files() const { return files_; }
  const std::filesystem::path& path() const { return path_; }
  std::vector<std::string>& warnings() { return *warnings_; }

  /// Writes a pack with what the store has not yet, and commits the checkpoint, whose parent is the run's head.
  CheckpointId save(const SaveSpec& spec);
  /// The first half of a save: its row and its lock; the process dies where `lock` is dropped.
  OpenSave begin_save(const std::string& run = "demo");
  /// Writes the pack of such a save, with one blob that gets no row.
  void write_pack(const OpenSave& save, const Bytes& content);

  void close() { store_.reset(); }
  void reopen(OpenMode mode = OpenMode::open);

  CheckpointInfo info(CheckpointId id) const { return find_checkpoint(*store_, id).value(); }
  /// Pack names in blobs/, sorted.
  std::vector<std::string> pack_files() const;
  /// What blobs/ occupies.
  std::uint64_t allocated() const;
  /// The rows of the chunks of a checkpoint, in order.
  std::vector<catalog::Blob> chunks(CheckpointId id) const;
  /// Every chunk, manifest and record of the checkpoint reads and matches its hash.
  bool loads(CheckpointId id) const;
  /// Flips one byte of the stored content of a blob.
  void damage(const catalog::Blob& blob);

 private:
  StoreFixture(io::FileSystem& files, const char* path);
  StoreOptions options() const;

  io::FileSystem& files_;
  std::unique_ptr<TemporaryDirectory> directory_;
  std::filesystem::path path_;
  std::shared_ptr<std::vector<std::string>> warnings_ = std::make_shared<std::vector<std::string>>();
  std::unique_ptr<Store> store_;
};

/// One entry "w" with `count` chunks of random bytes that depend on `seed`.
std::vector<std::pair<std::string, Bytes>> weights(std::uint64_t seed, std::size_t count = 4);

}  // namespace lastgood::test
