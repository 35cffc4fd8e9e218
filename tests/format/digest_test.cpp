#include "store/format/digest.h"

#include <cstring>
#include <vector>

#include <catch2/catch.hpp>

#include "store/format/hash_kernel.h"
#include "tests/format/expect.h"

using namespace lastgood;
using namespace lastgood::format;
using namespace lastgood::test;

namespace {

Digest digest_of(std::span<const std::byte> bytes) {
  Digester digester;
  digester.update(bytes);
  return digester.finish();
}

// Both lie about a multiple of XXH3's inner sizes: 16, 128, 240 (short inputs), 256 (buffer), 1024 (block), 64 KiB
// (ours).
const std::vector<std::size_t> kSizes = {0,   1,   3,   4,    8,    9,    16,   17,    128,   129,   240,    241,
                                         255, 256, 257, 1023, 1024, 1025, 4097, 65535, 65536, 65537, 131072, 200003};

struct Pair {
  Bytes one;
  Bytes two;
};

/// Two buffers of one XXH3-128 (seed 0): where the first half of a lane equals the public secret, its product with the
/// other half is 0, and the plain sums of two stripes can be traded against each other.
Pair build_collision(std::size_t count) {
  static constexpr std::array<unsigned char, 12> kSecretStart = {0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4,
                                                                 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c};
  Pair pair{random_bytes(count, 11), {}};
  std::memcpy(pair.one.data(), kSecretStart.data(), 4);
  std::memcpy(pair.one.data() + 64, kSecretStart.data() + 8, 4);
  pair.two = pair.one;
  const auto shift = [&](std::size_t at, std::uint32_t by) {
    std::uint32_t value = 0;
    std::memcpy(&value, pair.two.data() + at, sizeof(value));
    value += by;
    std::memcpy(pair.two.data() + at, &value, sizeof(value));
  };
  shift(4, 12345);
  shift(68, static_cast<std::uint32_t>(-12345));
  return pair;
}

}  // namespace

TEST_CASE("hashes are the published XXH3 of the bytes, in canonical order") {
  REQUIRE(hash_bytes({}).hex() == "99aa06d3014798d86001c324468d497f");
  REQUIRE(checksum({}) == 0x2d06800538d394c2u);
  REQUIRE(hash_bytes(from_text("abc")).hex() == "06b05ab6733a618578af5f94892f3950");
  REQUIRE(checksum(from_text("abc")) == 0x78af5f94892f3950u);
}

TEST_CASE("a digest in pieces is the digest of the whole") {
  const std::size_t size = GENERATE(from_range(kSizes));
  const std::size_t piece = GENERATE(1u, 7u, 64u, 257u, 65536u, 100001u);
  if (size / piece > 70000) return;
  const Bytes bytes = random_bytes(size, 1);
  Digester digester;
  Hasher hasher;
  for (std::size_t at = 0; at < size; at += piece) {
    const auto part = std::span(bytes).subspan(at, std::min(piece, size - at));
    digester.update(part);
    hasher.update(part);
  }
  CAPTURE(size, piece);
  REQUIRE(digester.finish() == digest_of(bytes));
  REQUIRE(hasher.finish() == hash_bytes(bytes));
  REQUIRE(digest_of(bytes).hash == hash_bytes(bytes));
}

TEST_CASE("digesters and hashers start anew after finish") {
  const Bytes bytes = random_bytes(1000, 2);
  Digester digester;
  Hasher hasher;
  digester.update(random_bytes(333, 3));
  hasher.update(random_bytes(333, 3));
  (void)digester.finish();
  (void)hasher.finish();
  digester.update(bytes);
  hasher.update(bytes);
  REQUIRE(digester.finish() == digest_of(bytes));
  REQUIRE(hasher.finish() == hash_bytes(bytes));
}

TEST_CASE("a seeded hash does not depend on what its memory held before") {
  const Bytes bytes = random_bytes(3000, 8);
  const HashKernel* kernel = generic_hash_kernel();
  HashState fresh{};
  kernel->start_64(&fresh, 77);
  HashState used = fresh;
  // The same seed as before, but a secret that something else has written over.
  std::memset(used.bytes + 64, 0x5a, 192);
  kernel->start_64(&used, 77);
  kernel->update_64(&fresh, bytes.data(), bytes.size());
  kernel->update_64(&used, bytes.data(), bytes.size());
  REQUIRE(kernel->finish_64(&used) == kernel->finish_64(&fresh));
}

TEST_CASE("empty pieces change nothing") {
  const Bytes bytes = random_bytes(500, 4);
  Digester digester;
  digester.update({});
  digester.update(bytes);
  digester.update({});
  REQUIRE(digester.finish() == digest_of(bytes));
  REQUIRE(Hasher().finish() == hash_bytes({}));
}

TEST_CASE("one flipped bit changes hash, checksum and fingerprint") {
  const std::size_t size = GENERATE(1u, 16u, 100u, 239u, 1000u, 70000u);
  const Bytes bytes = random_bytes(size, 5);
  Bytes flipped = bytes;
  flipped[size / 2] ^= std::byte{0x10};
  REQUIRE(hash_bytes(flipped) != hash_bytes(bytes));
  REQUIRE(checksum(flipped) != checksum(bytes));
  REQUIRE(digest_of(flipped).fingerprint != digest_of(bytes).fingerprint);
}

TEST_CASE("two contents built to have one hash differ in the fingerprint") {
  const std::size_t size = GENERATE(4096u, 1u << 20);
  const Pair pair = build_collision(size);
  REQUIRE(pair.one != pair.two);
  REQUIRE(hash_bytes(pair.one) == hash_bytes(pair.two));
  REQUIRE(digest_of(pair.one).hash == digest_of(pair.two).hash);
  REQUIRE(digest_of(pair.one).fingerprint != digest_of(pair.two).fingerprint);
}

TEST_CASE("a fingerprint is not a hash under a public seed") {
  const Bytes bytes = random_bytes(5000, 6);
  REQUIRE(digest_of(bytes).fingerprint != checksum(bytes));
}

TEST_CASE("the hash compiled for AVX2 agrees with the one for every machine") {
  const HashKernel* fast = avx2_hash_kernel();
#if defined(__x86_64__)
  REQUIRE(fast != nullptr);
  if (!__builtin_cpu_supports("avx2")) return;
#else
  if (fast == nullptr) return;
#endif
  const HashKernel* plain = generic_hash_kernel();
  const std::size_t size = GENERATE(from_range(kSizes));
  const Bytes bytes = random_bytes(size, 7);
  CAPTURE(size);
  std::array<std::uint8_t, 16> one{};
  std::array<std::uint8_t, 16> two{};
  fast->hash_128(bytes.data(), size, one.data());
  plain->hash_128(bytes.data(), size, two.data());
  REQUIRE(one == two);
  REQUIRE(fast->hash_64(bytes.data(), size) == plain->hash_64(bytes.data(), size));
  HashState fast_state;
  HashState plain_state;
  fast->start_64(&fast_state, 99);
  plain->start_64(&plain_state, 99);
  fast->update_64(&fast_state, bytes.data(), size);
  plain->update_64(&plain_state, bytes.data(), size);
  REQUIRE(fast->finish_64(&fast_state) == plain->finish_64(&plain_state));
}
