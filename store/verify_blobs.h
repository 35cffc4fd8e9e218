// Checking blobs where they lie, beside collections and compactions that may move or remove them meanwhile.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include <lastgood/verify.h>

#include "store/catalog/rows.h"
#include "store/io/pack_reader.h"
#include "store/quarantine.h"
#include "store/store_impl.h"

namespace lastgood {

struct CheckedBlobs {
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;
  std::vector<BadBlob> bad;
  std::vector<catalog::Blob> recovered;  // carry the mark, and were read right
};

/// Checks any number of batches; afterwards result() has the sum. check() is safe from one thread, and uses several.
/// What is bad is only told, not marked: marking is for the caller, at the end, when nothing can cancel it any more.
class BlobChecker {
 public:
  /// `bytes_total`: of all batches together, for the progress.
  BlobChecker(const StoreImpl& store, io::PackReader& reader, const VerifyOptions& options, std::uint64_t bytes_total)
      : store_(store), reader_(reader), options_(options), bytes_total_(bytes_total) {}

  /// Best in the order of the packs. Throws Error(cancelled).
  void check(std::span<const catalog::Blob> blobs);
  const CheckedBlobs& result() const noexcept { return result_; }

 private:
  void check_one(const catalog::Blob& blob);

  const StoreImpl& store_;
  io::PackReader& reader_;
  const VerifyOptions& options_;
  std::uint64_t bytes_total_;
  std::mutex mutex_;  // guards result_, and makes the progress' calls take turns
  CheckedBlobs result_;
};

/// Asks the catalog, in a new read transaction, about a blob that could not be read at its place: its row where it is
/// LIVE, at this place or another; nothing where nobody needs it any more.
std::optional<catalog::Blob> ask_again(const StoreImpl& store, const catalog::Blob& blob);

/// What is wrong with a blob that could not be read; `otherwise` where its file gives no reason.
std::string explain(const StoreImpl& store, const catalog::Blob& blob, const Error& error, const char* otherwise);

}  // namespace lastgood
