// The body of a kernel, for one source per instruction set. All of xxHash is inlined with internal linkage, so that the
// copies cannot be mixed up.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/format/hash_kernel.h"

namespace lastgood::format {
namespace {

static_assert(sizeof(XXH3_state_t) <= sizeof(HashState) && alignof(XXH3_state_t) <= alignof(HashState));

XXH3_state_t* xxh(HashState* state) {
  return reinterpret_cast<XXH3_state_t*>(state->bytes);
}
const XXH3_state_t* xxh(const HashState* state) {
  return reinterpret_cast<const XXH3_state_t*>(state->bytes);
}

void store_canonical(XXH128_hash_t hash, uint8_t* out) {
  XXH128_canonicalFromHash(reinterpret_cast<XXH128_canonical_t*>(out), hash);
}

void start_seeded(HashState* state, uint64_t seed) {
  // A reset reuses the secret of the state's last seed, and takes uninitialized memory for one.
  XXH3_INITSTATE(xxh(state));
  (void)XXH3_64bits_reset_withSeed(xxh(state), seed);
}

// The return codes are dropped: they report null pointers only.
constexpr HashKernel kKernel = {
    [](const void* bytes, size_t count, uint8_t* out) { store_canonical(XXH3_128bits(bytes, count), out); },
    [](const void* bytes, size_t count) -> uint64_t { return XXH3_64bits(bytes, count); },
    [](HashState* state) { (void)XXH3_128bits_reset(xxh(state)); },
    [](HashState* state, const void* bytes, size_t count) { (void)XXH3_128bits_update(xxh(state), bytes, count); },
    [](const HashState* state, uint8_t* out) { store_canonical(XXH3_128bits_digest(xxh(state)), out); },
    start_seeded,
    [](HashState* state, const void* bytes, size_t count) { (void)XXH3_64bits_update(xxh(state), bytes, count); },
    [](const HashState* state) -> uint64_t { return XXH3_64bits_digest(xxh(state)); },
};

}  // namespace
}  // namespace lastgood::format
