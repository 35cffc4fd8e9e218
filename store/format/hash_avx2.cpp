// Compiled with -mavx2 where the compiler targets x86-64, and empty elsewhere. The flag is this file's alone: nothing
// else in the program may need more than the base instruction set.
#include "store/format/hash_kernel.h"

#if defined(__AVX2__)
#include "store/format/hash_kernel_impl.h"

namespace lastgood::format {

const HashKernel* avx2_hash_kernel() {
  return &kKernel;
}

}  // namespace lastgood::format
// The function exists in every build, so no caller needs to know what the compiler was told.
#else
namespace lastgood::format {

const HashKernel* avx2_hash_kernel() {
  return nullptr;
}

}  // namespace lastgood::format
#endif
