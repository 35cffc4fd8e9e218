// Locks: mutex_ guards the placer's own tables and is not held during I/O, a look into the index or a transaction, each
// of which has a lock of its own.
#include "store/pipeline/blob_placer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <lastgood/error.h>

#include "store/format/codec.h"
#include "store/quarantine.h"
#include "store/rules.h"

namespace lastgood::pipeline {
namespace {

/// Manifests and records are always worth packing; chunks only where the session asks for it.
std::optional<format::Packed> packed(const Content& content, Compression compression) {
  if (content.key.kind != format::FrameKind::chunk) return format::pack_metadata(content.bytes);
  if (compression == Compression::none) return std::nullopt;
  return format::pack(content.bytes, content.element_bytes);
}

}  // namespace

BlobPlacer::BlobPlacer(PlacerContext context, std::unordered_set<std::int64_t> pinned, std::size_t contents)
    : context_(context), pinned_(std::move(pinned)), sources_(contents) {}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the memory may go back with this call
void BlobPlacer::place(std::span<const Content> contents, std::shared_ptr<const void> memory) {
  std::vector<const Content*> fresh;
  std::vector<Waiting> batch;
  for (const Content& content : contents) {
    if (place_known(content)) continue;
    std::vector<Candidate> candidates = context_.index.find(content.key);
    if (match(content, candidates)) continue;
    std::erase_if(candidates, [this](const Candidate& candidate) {
      const std::lock_guard lock(mutex_);
      return pinned_.contains(candidate.blob.value);  // pinned, and yet no match: other content
    });
    if (candidates.empty()) {
      fresh.push_back(&content);
    } else {
      batch.push_back({content, std::move(candidates), memory});
    }
  }
  // At once, and before any wait for pins: memory of contents that wait is bounded, and these need none.
  write(fresh);
  if (batch.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    std::move(batch.begin(), batch.end(), std::back_inserter(waiting_));
    // Gathered, since each pin would otherwise be a commit of its own.
    if (++waiting_batches_ < context_.most_waiting) return;
    batch = std::exchange(waiting_, {});
    waiting_batches_ = 0;
  }
  settle(std::move(batch));
}

// One thread, no place() under way: that is why waiting_ is taken without the lock.
void BlobPlacer::flush() {
  waiting_batches_ = 0;
  settle(std::exchange(waiting_, {}));
}

/// True where this save has placed the same content before.
bool BlobPlacer::place_known(const Content& content) {
  const std::lock_guard lock(mutex_);
  return place_known_locked(content);
}

bool BlobPlacer::place_known_locked(const Content& content) {
  const auto found = own_by_hash_.find(content.key.digest.hash);
  if (found == own_by_hash_.end()) return false;
  for (const std::size_t own : found->second) {
    if (own_[own].key != content.key) continue;
    sources_[content.ordinal] = {.matched = std::nullopt, .own = own};
    return true;
  }
  return false;
}

/// The position of a new own blob; nothing where the content was placed meanwhile, or twice in this very batch.
std::optional<std::size_t> BlobPlacer::claim(const Content& content) {
  const std::lock_guard lock(mutex_);
  if (place_known_locked(content)) return std::nullopt;
  const std::size_t own = own_.size();
  const std::uint64_t size = content.bytes.size();
  own_.push_back({content.key, {0, {content.key.kind, format::Codec::raw, size, size, content.key.digest.hash}}});
  own_by_hash_[content.key.digest.hash].push_back(own);
  sources_[content.ordinal] = {.matched = std::nullopt, .own = own};
  return own;
}

/// True where one of the candidates is pinned and holds the same bytes.
bool BlobPlacer::match(const Content& content, const std::vector<Candidate>& candidates) {
  for (const Candidate& candidate : candidates) {
    {
      const std::lock_guard lock(mutex_);
      if (!pinned_.contains(candidate.blob.value)) continue;
    }
    if (!candidate.same_content && !same_bytes(candidate, content)) continue;
    const std::lock_guard lock(mutex_);
    sources_[content.ordinal] = {.matched = candidate.blob, .own = 0};
    return true;
  }
  return false;
}

/// Reads a whole blob for each first match with what an earlier process wrote. Once: from then on its fingerprint is
/// known.
bool BlobPlacer::same_bytes(const Candidate& candidate, const Content& content) {
  if (!rules::compare_foreign) return true;
  std::optional<BadBlob> bad;
  for (;;) {
    std::optional<catalog::Blob> blob;
    context_.catalog.read([&](catalog::Connection& db) { blob = catalog::find_blob(db, candidate.blob); });
    // A new read transaction each time: a collection may have moved the blob between the look and the read.
    if (!blob || (bad && bad->blob.place == blob->place)) break;  // gone, or unreadable and not moved meanwhile
    try {
      const std::vector<std::byte> stored =
          context_.reader.read({blob->place.pack_uuid, blob->place.offset, blob->frame});
      const bool same = std::ranges::equal(stored, content.bytes);
      if (same) context_.index.know(candidate.blob, content.key);
      return same;
    } catch (const Error& error) {
      if (!tells_of_damage(error)) throw;
      bad = BadBlob{*blob, error.what()};
    }
  }
  // Marked, so that the commit of this save, which brings the content, heals it.
  if (bad) set_aside(context_.store, context_.reader, {&*bad, 1});
  context_.index.drop(candidate.blob, content.key.digest.hash);
  return false;
}

/// A failure fails the save: what was claimed stays without an offset, and nobody commits it.
void BlobPlacer::write(std::span<const Content* const> contents) {
  std::vector<io::FrameToWrite> frames;
  std::vector<std::size_t> owns;
  std::vector<format::Packed> memory;
  memory.reserve(contents.size());
  for (const Content* content : contents) {
    // Claimed before it is written, so that two threads with the same content write it once. Nobody reads the row's
    // offset before all place() calls have returned, and a failed write fails the save.
    const std::optional<std::size_t> own = claim(*content);
    if (!own) continue;
    owns.push_back(*own);
    const std::uint64_t size = content->bytes.size();
    io::FrameToWrite frame{{content->key.kind, format::Codec::raw, size, size, content->key.digest.hash},
                           content->bytes};
    if (auto shorter = packed(*content, context_.compression)) {
      memory.push_back(std::move(*shorter));
      // The hash stays that of the raw bytes.
      frame.header.codec = memory.back().codec;
      frame.header.stored_bytes = memory.back().bytes.size();
      frame.stored = memory.back().bytes;
    }
    frames.push_back(frame);
  }
  const std::vector<std::uint64_t> offsets = context_.pack.append(frames);
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < owns.size(); ++i) own_[owns[i]].row = {offsets[i], frames[i].header};
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): their memory goes back with this call
void BlobPlacer::settle(std::vector<Waiting> waiting) {
  if (waiting.empty()) return;
  // In one commit for all of them; then each is compared, matched, or written after all.
  pin(waiting);
  for (const Waiting& item : waiting) {
    const Content* content = &item.content;
    if (!place_known(*content) && !match(*content, item.candidates)) write({&content, 1});
  }
}

void BlobPlacer::pin(const std::vector<Waiting>& waiting) {
  std::vector<catalog::BlobId> wanted;
  std::vector<BlobHash> hashes;
  for (const Waiting& item : waiting) {
    for (const Candidate& candidate : item.candidates) {
      wanted.push_back(candidate.blob);
      hashes.push_back(item.content.key.digest.hash);
    }
  }
  std::vector<bool> live;
  // Relaxed: a pin that a power loss takes is of a save that the power loss ended, too.
  context_.catalog.write(catalog::Durability::relaxed,
                         [&](catalog::Connection& db) { live = catalog::pin_live(db, context_.save, wanted); });
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!live[i]) context_.index.drop(wanted[i], hashes[i]);
  }
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (live[i]) pinned_.insert(wanted[i].value);
  }
}

}  // namespace lastgood::pipeline
