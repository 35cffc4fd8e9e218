#include "tests/store/store_fixture.h"

#include <algorithm>
#include <optional>

#include "store/catalog/blobs.h"
#include "store/catalog/checkpoints.h"
#include "store/catalog/runs.h"
#include "store/format/digest.h"
#include "store/io/pack_reader.h"
#include "store/io/pack_writer.h"
#include "store/paths.h"
#include "store/store_impl.h"

namespace lastgood::test {

namespace {

using catalog::Connection;

/// One checkpoint on its way into the store.
class Saving {
 public:
  Saving(const StoreFixture& store, const SaveSpec& spec, const OpenSave& save)
      : store_(store),
        spec_(spec),
        save_(save),
        writer_(store.files(), paths::blobs(store.path()), {save.uuid, store.catalog().store_uuid()}) {}

  CheckpointId run() {
    for (const auto& [name, bytes] : spec_.entries) add_entry(name, bytes);
    record_.manifest = place(format::FrameKind::manifest, format::encode(manifest_));
    store_.catalog().read([&](Connection& db) { describe(db); });
    own(format::FrameKind::record, format::encode(record_));
    writer_.seal();
    CheckpointId id;
    store_.catalog().write(catalog::Durability::durable, [&](Connection& db) { id = commit(db); });
    return id;
  }

 private:
  /// A blob of this checkpoint: a row that is there, or the position of a new one.
  struct Source {
    std::optional<catalog::BlobId> row;
    std::size_t fresh = 0;
  };

  void add_entry(const std::string& name, const Bytes& bytes) {
    format::ManifestEntry entry;
    entry.spec = {Section::model, name, DType::bytes, {static_cast<std::int64_t>(bytes.size())}, ""};
    for (std::size_t at = 0; at < bytes.size(); at += kChunk) {
      const auto chunk = std::span(bytes).subspan(at, std::min<std::size_t>(kChunk, bytes.size() - at));
      entry.chunks.push_back(place(format::FrameKind::chunk, {chunk.begin(), chunk.end()}));
    }
    manifest_.chunk_bytes = kChunk;
    manifest_.entries.push_back(entry);
  }

  BlobHash place(format::FrameKind kind, const Bytes& bytes) {
    const BlobHash hash = format::hash_bytes(bytes);
    std::optional<catalog::BlobId> match;
    store_.catalog().read([&](Connection& db) {
      catalog::for_each_live_blob(db, {}, 1'000'000, [&](const catalog::Blob& blob) {
        if (blob.frame.hash == hash && blob.frame.kind == kind) match = blob.id;
      });
    });
    if (match) {
      sources_.push_back({match, 0});
    } else {
      own(kind, bytes);
    }
    return hash;
  }

  void own(format::FrameKind kind, const Bytes& bytes) {
    const format::FrameHeader header{kind, format::Codec::raw, bytes.size(), bytes.size(), format::hash_bytes(bytes)};
    const io::FrameToWrite frame{header, bytes};
    const std::uint64_t offset = writer_.append({&frame, 1}).front();
    sources_.push_back({std::nullopt, fresh_.size()});
    fresh_.push_back({offset, header});
  }

  void describe(Connection& db) {
    record_.checkpoint = format::Uuid::random();
    record_.session = session_uuid_;
    record_.run = spec_.run;
    record_.step = spec_.step;
    record_.stability = spec_.stability;
    record_.created_at_ms = spec_.created_at_ms;
    record_.sequence = catalog::next_sequence(db);
    record_.metrics.assign(spec_.metrics.begin(), spec_.metrics.end());
    record_.bytes_new = writer_.size();
    const auto head = catalog::head(db, catalog::find_run(db, spec_.run).value());
    record_.parent = head ? catalog::checkpoint_uuid(db, *head) : std::nullopt;
  }

  CheckpointId commit(Connection& db) {
    const std::int64_t first = catalog::append_blobs(db, save_.rows.pack, fresh_).value;
    std::vector<catalog::BlobId> ids;
    for (const Source& source : sources_) {
      ids.push_back(source.row.value_or(catalog::BlobId{first + static_cast<std::int64_t>(source.fresh)}));
    }
    catalog::NewCheckpoint row;
    row.record = record_;
    row.session = catalog::list_sessions(db, spec_.run).at(0).id;
    row.manifest = &manifest_;
    row.record_blob = ids.back();
    row.manifest_blob = ids.at(ids.size() - 2);
    row.chunks.assign(ids.begin(), ids.end() - 2);
    for (const auto& entry : spec_.entries) row.bytes_logical += entry.second.size();
    catalog::end_save(db, save_.rows.save);
    return catalog::insert_checkpoint(db, row);
  }

  const StoreFixture& store_;
  const SaveSpec& spec_;
  const OpenSave& save_;
  io::PackWriter writer_;
  format::Uuid session_uuid_ = format::Uuid::random();
  format::Manifest manifest_{kChunk, {}};
  format::Record record_;
  std::vector<Source> sources_;
  std::vector<catalog::NewBlob> fresh_;
};

}  // namespace

StoreFixture::StoreFixture(io::FileSystem& files, const char* path) : files_(files) {
  if (path == nullptr) directory_ = std::make_unique<TemporaryDirectory>();
  path_ = path == nullptr ? *directory_ / "store" : std::filesystem::path(path);
  reopen(OpenMode::create);
}

StoreOptions StoreFixture::options() const {
  StoreOptions options;
  options.on_warning = [warnings = warnings_](const std::string& warning) { warnings->push_back(warning); };
  return options;
}

void StoreFixture::reopen(OpenMode mode) {
  store_.reset();
  store_ = std::make_unique<Store>(open_store(path_, mode, options(), files_));
}

OpenSave StoreFixture::begin_save(const std::string& run) {
  OpenSave save;
  save.uuid = format::Uuid::random();
  save.lock = files_.try_lock(paths::save_lock(path_, save.uuid), io::LockMode::exclusive);
  catalog().write(catalog::Durability::durable, [&](Connection& db) {
    const RunId id = catalog::find_or_create_run(db, run);
    const auto sessions = catalog::list_sessions(db, run);
    // Ended at once: an open session protects what it resumed from.
    SessionId session = sessions.empty() ? catalog::restore_session(db, id, format::Uuid::random(), 0) : sessions[0].id;
    save.rows = catalog::begin_save(db, save.uuid, session);
  });
  return save;
}

void StoreFixture::write_pack(const OpenSave& save, const Bytes& content) {
  io::PackWriter writer(files_, paths::blobs(path_), {save.uuid, catalog().store_uuid()});
  const io::FrameToWrite frame{
      {format::FrameKind::chunk, format::Codec::raw, content.size(), content.size(), format::hash_bytes(content)},
      content};
  writer.append({&frame, 1});
  writer.seal();
}

CheckpointId StoreFixture::save(const SaveSpec& spec) {
  const OpenSave save = begin_save(spec.run);
  const CheckpointId id = Saving(*this, spec, save).run();
  files_.unlink(paths::save_lock(path_, save.uuid));
  return id;
}

std::vector<std::string> StoreFixture::pack_files() const {
  std::vector<std::string> names;
  for (const io::DirectoryEntry& entry : files_.list(paths::blobs(path_))) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::uint64_t StoreFixture::allocated() const {
  std::uint64_t bytes = 0;
  for (const std::string& name : pack_files()) {
    bytes += files_.open(paths::blobs(path_) / name, false)->allocated_bytes();
  }
  return bytes;
}

std::vector<catalog::Blob> StoreFixture::chunks(CheckpointId id) const {
  std::vector<catalog::Blob> blobs;
  catalog().read([&](Connection& db) { blobs = catalog::checkpoint_blobs(db, id).value().chunks; });
  return blobs;
}

bool StoreFixture::loads(CheckpointId id) const {
  std::optional<catalog::CheckpointBlobs> blobs;
  catalog().read([&](Connection& db) { blobs = catalog::checkpoint_blobs(db, id); });
  if (!blobs) return false;
  std::vector<catalog::Blob> all = blobs->chunks;
  all.push_back(blobs->manifest);
  all.push_back(blobs->record);
  io::PackReader reader(files_, paths::blobs(path_));
  try {
    for (const catalog::Blob& blob : all) reader.read({blob.place.pack_uuid, blob.place.offset, blob.frame});
    return true;
  } catch (const Error&) {
    return false;
  }
}

void StoreFixture::damage(const catalog::Blob& blob) {
  const auto file = files_.open(paths::pack(path_, blob.place.pack_uuid), true);
  const std::uint64_t at = blob.place.offset + format::kHeaderBytes + blob.frame.stored_bytes / 2;
  std::byte byte{};
  io::read_fully(*file, at, {&byte, 1});
  byte ^= std::byte{1};
  io::write_all(*file, at, {&byte, 1});
}

std::vector<std::pair<std::string, Bytes>> weights(std::uint64_t seed, std::size_t count) {
  return {{"w", random_bytes(count * kChunk, seed)}};
}

}  // namespace lastgood::test
