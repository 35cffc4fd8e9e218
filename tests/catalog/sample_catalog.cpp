#include "tests/catalog/sample_catalog.h"

#include <sqlite3.h>

#include <cstring>
#include <stdexcept>

namespace lastgood::test {

using namespace catalog;

BlobHash hash_of(std::uint64_t content) {
  BlobHash hash;
  std::memcpy(hash.bytes.data(), &content, sizeof content);
  return hash;
}

NewBlob blob_of(std::uint64_t content, std::uint64_t offset, format::FrameKind kind) {
  return {offset, {kind, format::Codec::zstd, 1000, 900, hash_of(content)}};
}

format::Manifest manifest_of(std::span<const std::uint64_t> chunks) {
  format::Manifest manifest{1000, {}};
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(chunks.size()), 250};
  manifest.entries.push_back({{Section::model, "w", DType::float32, shape, {}}, {}});
  for (const std::uint64_t content : chunks) manifest.entries[0].chunks.push_back(hash_of(content));
  manifest.entries.push_back({{Section::model, "w2", DType::float32, shape, "w"}, {}});
  return manifest;
}

SampleCatalog::SampleCatalog(std::chrono::milliseconds busy_timeout)
    : db(Catalog::create(file, store, {.busy_timeout = busy_timeout})) {}

SessionId SampleCatalog::session(const std::string& run) {
  if (const auto found = sessions_.find(run); found != sessions_.end()) return found->second;
  SessionId id;
  write([&](Connection& c) {
    id = begin_session(c, {find_or_create_run(c, run), format::Uuid::random(), 4711, "host"});
  });
  return sessions_[run] = id;
}

std::vector<BlobId> SampleCatalog::store_chunks(Connection& c, PackId pack, const Saved& saved) {
  std::vector<BlobId> ids;
  std::uint64_t offset = 64;
  for (const std::uint64_t content : saved.chunks) {
    if (blobs_.count(content) == 0) {
      const NewBlob blob = blob_of(content, offset += 1024);
      blobs_[content] = append_blobs(c, pack, {&blob, 1});
    }
    ids.push_back(blobs_[content]);
  }
  return ids;
}

CheckpointId SampleCatalog::add(const Saved& saved) {
  const SessionId by = session(saved.run);
  const format::Manifest manifest = manifest_of(saved.chunks);
  CheckpointId id;
  write([&](Connection& c) {
    const BegunSave begun = begin_save(c, format::Uuid::random(), by);
    NewCheckpoint checkpoint;
    checkpoint.chunks = store_chunks(c, begun.pack, saved);
    const NewBlob own[] = {blob_of(++next_own_content_, 1'000'000, format::FrameKind::manifest),
                           blob_of(++next_own_content_, 1'001'024, format::FrameKind::record)};
    checkpoint.manifest_blob = append_blobs(c, begun.pack, own);
    checkpoint.record_blob = BlobId{checkpoint.manifest_blob.value + 1};
    checkpoint.session = by;
    checkpoint.manifest = &manifest;
    checkpoint.bytes_logical = 1000 * saved.chunks.size();
    format::Record& record = checkpoint.record;
    record.checkpoint = format::Uuid::random();
    if (const auto parent = head(c, *find_run(c, saved.run))) record.parent = checkpoint_uuid(c, *parent);
    record.run = saved.run;
    record.step = saved.step;
    record.stability = saved.stability;
    record.created_at_ms = 1'700'000'000'000 + saved.step;
    record.sequence = next_sequence(c);
    record.manifest = hash_of(next_own_content_);
    record.metrics = saved.metrics;
    id = insert_checkpoint(c, checkpoint);
    end_save(c, begun.save);
  });
  return id;
}

Blob SampleCatalog::row(std::uint64_t content) const {
  return read([&](Connection& c) { return find_blob(c, blob(content)); }).value();
}

CheckpointInfo SampleCatalog::info(CheckpointId id) const {
  return read([&](Connection& c) { return find_checkpoint(c, id); }).value();
}

std::vector<std::int64_t> SampleCatalog::list(std::optional<std::string> run, std::optional<Stability> stability,
                                              std::uint64_t limit) const {
  ListQuery query;
  query.run = std::move(run);
  query.stability = stability;
  query.limit = limit;
  std::vector<std::int64_t> ids;
  for (const auto& one : read([&](Connection& c) { return list_checkpoints(c, query); })) ids.push_back(one.id.value);
  return ids;
}

std::int64_t SampleCatalog::number(const std::string& sql) const {
  return read([&](Connection& c) {
    Statement query(c, sql);
    if (!query.step()) throw std::runtime_error("no row from " + sql);
    return query.integer(0);
  });
}

void SampleCatalog::tamper(const std::string& sql) const {
  sqlite3* raw = nullptr;
  int code = sqlite3_open(file.c_str(), &raw);
  if (code == SQLITE_OK) {
    code = sqlite3_exec(raw, ("PRAGMA ignore_check_constraints = ON; " + sql).c_str(), nullptr, nullptr, nullptr);
  }
  const std::string message = sqlite3_errmsg(raw);
  sqlite3_close(raw);
  if (code != SQLITE_OK) throw std::runtime_error(message + " in " + sql);
}

}  // namespace lastgood::test
