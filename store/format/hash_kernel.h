// XXH3 compiled for one instruction set, behind a table of functions.
//
// Only C types here, and nothing inline: a source compiled for AVX2 that instantiated a template or an inline function
// could hand the linker an AVX2 copy of it for the whole program.
//
// All kernels compute the same hashes, so which one ran is never recorded. Functions are safe from any thread; a state
// is for one at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lastgood::format {

/// Memory for one hash in progress. Large enough for XXH3_state_t and aligned as it asks for, which hash_kernel_impl.h
/// asserts: this header must not include xxHash's.
struct alignas(64) HashState {
  unsigned char bytes[640];
};

/// `canonical` is 16 bytes, high 64 bits first. start_64 takes a seed; hash_64 is of seed 0.
struct HashKernel {
  void (*hash_128)(const void* bytes, size_t count, uint8_t* canonical);
  uint64_t (*hash_64)(const void* bytes, size_t count);

  void (*start_128)(HashState* state);
  void (*update_128)(HashState* state, const void* bytes, size_t count);
  void (*finish_128)(const HashState* state, uint8_t* canonical);

  void (*start_64)(HashState* state, uint64_t seed);
  void (*update_64)(HashState* state, const void* bytes, size_t count);
  uint64_t (*finish_64)(const HashState* state);
};

/// For every machine that the program runs on.
const HashKernel* generic_hash_kernel();
/// Null where this build has none. REQUIRES of its functions: a processor with AVX2.
const HashKernel* avx2_hash_kernel();

}  // namespace lastgood::format
