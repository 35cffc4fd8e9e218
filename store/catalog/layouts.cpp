// A layout is found by a digest over everything that it says. Two checkpoints of one structure share it, whatever run
// they are of; a model that was changed gets another. It goes with the last checkpoint that uses it.
#include "store/catalog/layouts.h"

#include <map>
#include <string>
#include <utility>

#include "store/catalog/connection.h"
#include "store/format/digest.h"

namespace lastgood::catalog {
namespace {

struct LayoutEntry {
  const EntrySpec* spec = nullptr;
  std::string shape;
  std::uint64_t first_chunk = 0;
  std::uint64_t chunks = 0;
  std::optional<std::int64_t> alias_of;
};

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text += (text.size() > 1 ? "," : "") + std::to_string(size);
  return text + "]";
}

/// REQUIRES: the manifest was checked. Chunks are numbered over all entries, as checkpoint_blob has them.
std::vector<LayoutEntry> layout_entries(const format::Manifest& manifest) {
  std::vector<LayoutEntry> entries;
  entries.reserve(manifest.entries.size());
  std::map<std::pair<Section, std::string_view>, std::int64_t> ordinals;
  std::uint64_t next_chunk = 0;
  for (const format::ManifestEntry& entry : manifest.entries) {
    LayoutEntry row{&entry.spec, shape_text(entry.spec.shape), next_chunk, entry.chunks.size(), {}};
    // There, since the manifest was checked: an alias follows its owner.
    if (!entry.spec.alias_of.empty()) row.alias_of = ordinals.at({entry.spec.section, entry.spec.alias_of});
    ordinals.emplace(std::pair(entry.spec.section, std::string_view(entry.spec.name)),
                     static_cast<std::int64_t>(entries.size()));
    next_chunk += entry.chunks.size();
    entries.push_back(std::move(row));
  }
  return entries;
}

// Names are free of control characters, so line breaks and tabs keep any two structures apart.
BlobHash layout_digest(const std::vector<LayoutEntry>& entries) {
  std::string text;
  for (const LayoutEntry& entry : entries) {
    text += std::to_string(static_cast<int>(entry.spec->section)) + '\t' + entry.spec->name + '\t' +
            std::to_string(static_cast<int>(entry.spec->dtype)) + '\t' + entry.shape + '\t' +
            std::to_string(entry.chunks) + '\t' + (entry.alias_of ? std::to_string(*entry.alias_of) : "-") + '\n';
  }
  return format::hash_bytes(std::as_bytes(std::span(text)));
}

void insert_entries(Connection& db, std::int64_t layout, const std::vector<LayoutEntry>& entries) {
  Statement insert(db,
                   "INSERT INTO layout_entry(layout_id, ordinal, section, name, dtype, shape, bytes, first_chunk, "
                   "chunks, alias_of) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const LayoutEntry& entry = entries[i];
    insert.run_with(layout, std::uint64_t{i}, static_cast<int>(entry.spec->section), entry.spec->name,
                    static_cast<int>(entry.spec->dtype), entry.shape, entry.spec->byte_count(), entry.first_chunk,
                    entry.chunks, entry.alias_of);
  }
}

}  // namespace

/// By digest: checkpoints of one run usually share a layout, and then a save adds no row here.
std::int64_t find_or_create_layout(Connection& db, const format::Manifest& manifest) {
  const std::vector<LayoutEntry> entries = layout_entries(manifest);
  const BlobHash digest = layout_digest(entries);
  {
    Statement query(db, "SELECT id FROM layout WHERE digest = ?1", digest);
    if (query.step()) return query.integer(0);
  }
  Statement(db, "INSERT INTO layout(digest) VALUES (?1)", digest).run();
  const std::int64_t layout = db.last_insert_id();
  insert_entries(db, layout, entries);
  return layout;
}

// Its entries go with it, by the foreign key.
void drop_unused_layout(Connection& db, std::int64_t layout) {
  Statement(db, "DELETE FROM layout WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM checkpoint WHERE layout_id = ?1)",
            layout)
      .run();
}

}  // namespace lastgood::catalog
