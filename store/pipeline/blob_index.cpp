// The index is a cache of the catalog, filled by whoever begins a save. Being wrong costs space (a match that was not
// found) or a look (a candidate that is dead), never safety: no save relies on it without a pin.
#include "store/pipeline/blob_index.h"

#include <algorithm>
#include <cstring>

#include "store/catalog/blobs.h"

namespace lastgood::pipeline {

std::size_t HashOfHash::operator()(const BlobHash& hash) const noexcept {
  // A hash is as good as random bits already; its first bytes will do.
  std::size_t value = 0;
  std::memcpy(&value, hash.bytes.data(), sizeof value);
  return value;
}

void BlobIndex::refresh(catalog::Connection& db) {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<BlobHash, Entry>> fresh;
  catalog::for_each_live_blob(db, newest_, most_, [&](const catalog::Blob& blob) {
    fresh.emplace_back(blob.frame.hash, Entry{blob.id, blob.frame.raw_bytes, 0, blob.frame.kind, false});
  });
  // The newest stay: they are the likeliest matches. What is forgotten costs space, not safety.
  if (entries_.size() + fresh.size() > most_) entries_.clear();
  // The transaction may be run again after a busy database: what is there already is not added twice.
  for (auto& [hash, entry] : fresh) {
    newest_ = std::max(newest_, entry.blob);
    const auto [first, last] = entries_.equal_range(hash);
    const auto is_it = [blob = entry.blob](const auto& item) { return item.second.blob == blob; };
    const bool there = std::any_of(first, last, is_it);
    if (!there) entries_.emplace(hash, entry);
  }
}

std::vector<Candidate> BlobIndex::find(const ContentKey& key) const {
  const std::lock_guard lock(mutex_);
  std::vector<Candidate> found;
  const auto [first, last] = entries_.equal_range(key.digest.hash);
  for (auto it = first; it != last; ++it) {
    const Entry& entry = it->second;
    if (entry.kind != key.kind || entry.raw_bytes != key.raw_bytes) continue;
    // Equal hash, and content that is known to differ: built to collide.
    if (entry.known && entry.fingerprint != key.digest.fingerprint) continue;
    found.push_back({entry.blob, entry.known});
  }
  return found;
}

// Also of blobs that refresh() has not brought yet: those of the save that was just committed.
void BlobIndex::know(catalog::BlobId blob, const ContentKey& key) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = entries_.equal_range(key.digest.hash);
  auto it = std::find_if(first, last, [&](const auto& item) { return item.second.blob == blob; });
  if (it == last) it = entries_.emplace(key.digest.hash, Entry{blob, key.raw_bytes, 0, key.kind, false});
  it->second.fingerprint = key.digest.fingerprint;
  it->second.known = true;
}

void BlobIndex::drop(catalog::BlobId blob, const BlobHash& hash) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = entries_.equal_range(hash);
  const auto it = std::find_if(first, last, [&](const auto& item) { return item.second.blob == blob; });
  if (it != last) entries_.erase(it);
}

}  // namespace lastgood::pipeline
