#include "tests/format/manifest_sample.h"

#include <array>

namespace lastgood::test {
namespace {

BlobHash repeated(std::uint8_t value) {
  BlobHash hash;
  hash.bytes.fill(value);
  return hash;
}

std::size_t below(std::mt19937& random, std::size_t limit) {
  return random() % limit;
}

std::string random_name(std::mt19937& random, std::size_t index) {
  static constexpr std::array<const char*, 5> kStems = {"layer.weight", "\xc3\xa9tat", "\xe5\xb1\x82",
                                                        "\xf0\x9f\x94\xa5", "a/b c"};
  return kStems[below(random, kStems.size())] + std::string(".") + std::to_string(index);
}

format::ManifestEntry random_entry(std::mt19937& random, std::uint64_t chunk_bytes, std::size_t index) {
  format::ManifestEntry entry;
  entry.spec.section = static_cast<Section>(below(random, 5));
  entry.spec.dtype = static_cast<DType>(below(random, 22));
  entry.spec.name = random_name(random, index);
  for (std::size_t i = below(random, 5); i > 0; --i) {
    entry.spec.shape.push_back(static_cast<std::int64_t>(below(random, 8)));
  }
  const std::uint64_t chunks = format::chunk_count(entry.spec.byte_count(), chunk_bytes);
  for (std::uint64_t i = 0; i < chunks; ++i) {
    entry.chunks.push_back(repeated(static_cast<std::uint8_t>(below(random, 256))));
  }
  return entry;
}

}  // namespace

format::Manifest small_manifest() {
  format::Manifest manifest;
  manifest.chunk_bytes = 16;
  manifest.entries = {
      {{Section::model, "w", DType::float32, {2, 3}, ""}, {repeated(0x11), repeated(0x22)}},
      {{Section::optimizer, "step", DType::int64, {}, ""}, {repeated(0x33)}},
      {{Section::extra, "none", DType::bytes, {0}, ""}, {}},
      {{Section::model, "tied", DType::float32, {2, 3}, "w"}, {}},
  };
  return manifest;
}

format::Manifest random_manifest(std::mt19937& random) {
  format::Manifest manifest;
  manifest.chunk_bytes = 1 + below(random, 200);
  const std::size_t count = below(random, 41);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0 && below(random, 4) == 0) {
      format::ManifestEntry alias = manifest.entries[below(random, i)];
      if (alias.spec.alias_of.empty()) alias.spec.alias_of = alias.spec.name;
      alias.spec.name = random_name(random, i);
      alias.chunks.clear();
      manifest.entries.push_back(alias);
    } else {
      manifest.entries.push_back(random_entry(random, manifest.chunk_bytes, i));
    }
  }
  return manifest;
}

}  // namespace lastgood::test
