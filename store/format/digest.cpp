// xxHash is reached through a kernel for this machine's instructions, chosen once per process. Its states are large and
// of xxHash's making, so they live on the heap, out of the header.
//
// What is saved here is passes over memory: a Digester computes both hashes of a piece while it is in the processor's
// cache.
#include "store/format/digest.h"

#include <algorithm>

#include "store/format/hash_kernel.h"
#include "store/format/uuid.h"

namespace lastgood::format {
namespace {

// Both hashes see a piece of this size before the next one is touched: it is read from memory once.
constexpr std::size_t kFusedBytes = 64 * 1024;

// Decided at run time: one build serves machines with and without AVX2.
const HashKernel& choose_kernel() {
#if defined(__x86_64__)
  if (avx2_hash_kernel() != nullptr && __builtin_cpu_supports("avx2")) return *avx2_hash_kernel();
#endif
  return *generic_hash_kernel();
}

const HashKernel& kernel() {
  static const HashKernel& chosen = choose_kernel();
  return chosen;
}

/// Drawn once. With it known, somebody could build two contents that agree in hash and fingerprint: it is written
/// nowhere.
std::uint64_t process_seed() {
  static const std::uint64_t seed = [] {
    std::uint64_t bits = 0;
    const Uuid random = Uuid::random();
    for (std::size_t i = 0; i < sizeof(bits); ++i) bits = bits << 8 | random.bytes[i];
    return bits;
  }();
  return seed;
}

}  // namespace

BlobHash hash_bytes(std::span<const std::byte> bytes) {
  BlobHash hash;
  kernel().hash_128(bytes.data(), bytes.size(), hash.bytes.data());
  return hash;
}

std::uint64_t checksum(std::span<const std::byte> bytes) {
  return kernel().hash_64(bytes.data(), bytes.size());
}

struct Digester::State {
  HashState hash;
  HashState fingerprint;

  State() { restart(); }
  void restart() {
    kernel().start_128(&hash);
    kernel().start_64(&fingerprint, process_seed());
  }
};

Digester::Digester() : state_(std::make_unique<State>()) {}
Digester::~Digester() = default;

void Digester::update(std::span<const std::byte> piece) {
  while (!piece.empty()) {
    const auto head = piece.first(std::min(piece.size(), kFusedBytes));
    kernel().update_128(&state_->hash, head.data(), head.size());
    kernel().update_64(&state_->fingerprint, head.data(), head.size());
    piece = piece.subspan(head.size());
  }
}

Digest Digester::finish() {
  Digest digest;
  kernel().finish_128(&state_->hash, digest.hash.bytes.data());
  digest.fingerprint = kernel().finish_64(&state_->fingerprint);
  // With the secret set up anew, so that the object can be used again.
  state_->restart();
  return digest;
}

struct Hasher::State {
  HashState hash;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  kernel().start_128(&state_->hash);
}
Hasher::~Hasher() = default;

// An empty span may hold a null pointer, which xxHash would have to be asked about; it changes no hash anyway.
void Hasher::update(std::span<const std::byte> piece) {
  if (!piece.empty()) kernel().update_128(&state_->hash, piece.data(), piece.size());
}

BlobHash Hasher::finish() {
  BlobHash hash;
  kernel().finish_128(&state_->hash, hash.bytes.data());
  kernel().start_128(&state_->hash);
  return hash;
}

}  // namespace lastgood::format
