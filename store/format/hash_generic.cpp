#include "store/format/hash_kernel_impl.h"

namespace lastgood::format {

const HashKernel* generic_hash_kernel() {
  return &kKernel;
}

}  // namespace lastgood::format
