// With the compiler's base instruction set: SSE2 on x86-64, NEON on 64-bit ARM.
#include "store/format/hash_kernel_impl.h"

namespace lastgood::format {

const HashKernel* generic_hash_kernel() {
  return &kKernel;
}

}  // namespace lastgood::format
