// Hashes: XXH3-128 names a blob, XXH3-64 guards headers, and a keyed fingerprint tells equal content from equal hash.
//
// Functions are safe from any thread. XXH3 is no cryptographic hash: two contents of one hash can be built. What the
// store does about it: it compares bytes before it takes a stored blob for new content, unless this process has
// computed both fingerprints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <lastgood/ids.h>

namespace lastgood::format {

/// XXH3-128 with seed 0 of all bytes.
BlobHash hash_bytes(std::span<const std::byte> bytes);

/// XXH3-64 with seed 0; the checksum of headers.
std::uint64_t checksum(std::span<const std::byte> bytes);

/// A blob's hash together with its fingerprint under a secret that each process draws anew: two contents that somebody
/// built to have one hash differ in the fingerprint. Fingerprints of different processes cannot be compared.
struct Digest {
  BlobHash hash;
  std::uint64_t fingerprint = 0;
  bool operator==(const Digest&) const = default;
};

/// Computes a Digest piece by piece, while each piece is in cache. One thread at a time; reusable after finish().
class Digester {
 public:
  Digester();
  ~Digester();
  void update(std::span<const std::byte> piece);
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same for hashes alone: what loading and verifying need. One thread at a time; reusable after finish(). A class
/// of its own: a load checks every byte that it reads, and a fingerprint would be a second hash of all of them, for
/// nobody.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  void update(std::span<const std::byte> piece);
  BlobHash finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lastgood::format
