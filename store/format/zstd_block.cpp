// Contexts live as long as their thread, so threads share none and need no lock.
#include "store/format/zstd_block.h"

#include <memory>
#include <new>
#include <string>

#include <zstd.h>
#include <zstd_errors.h>

#include <lastgood/error.h>

namespace lastgood::format {
namespace {

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

/// zstd reports that it has no memory by a null pointer.
template <class Context>
Context* checked(const std::unique_ptr<Context, FreeContext>& context) {
  if (!context) throw std::bad_alloc();
  return context.get();
}

ZSTD_CCtx* packing_context() {
  static thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  return checked(context);
}

ZSTD_DCtx* unpacking_context() {
  static thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return checked(context);
}

}  // namespace

bool append_zstd(std::vector<std::byte>& out, std::span<const std::byte> raw, int level, std::size_t limit) {
  const std::size_t before = out.size();
  // With room for the worst case, zstd never has to work around a short output.
  out.resize(before + ZSTD_compressBound(raw.size()));
  const std::size_t packed =
      ZSTD_compressCCtx(packing_context(), out.data() + before, out.size() - before, raw.data(), raw.size(), level);
  if (ZSTD_isError(packed)) {
    throw Error(ErrorCode::internal, "zstd", std::string("zstd could not pack a block: ") + ZSTD_getErrorName(packed));
  }
  const bool kept = packed <= limit;
  out.resize(before + (kept ? packed : 0));
  return kept;
}

// Several zstd frames in a row unpack like one: the format allows them, and ZSTD_decompressDCtx reads them so.
void unpack_zstd(std::span<const std::byte> stored, std::span<std::byte> raw) {
  const std::size_t size =
      ZSTD_decompressDCtx(unpacking_context(), raw.data(), raw.size(), stored.data(), stored.size());
  if (ZSTD_isError(size)) {
    if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) throw std::bad_alloc();
    throw Error(ErrorCode::corruption, "payload",
                std::string("a packed payload is damaged: zstd says \"") + ZSTD_getErrorName(size) + "\"");
  }
  // zstd never writes behind `raw`, but it may end before.
  if (size != raw.size()) {
    throw Error(ErrorCode::corruption, "payload",
                "a packed payload is damaged: it unpacks to " + std::to_string(size) + " instead of " +
                    std::to_string(raw.size()) + " bytes");
  }
}

}  // namespace lastgood::format
