// The parts of verify(), asked for one checkpoint: its chunks first (those found sound for an earlier checkpoint are
// skipped), then manifest and record. The first defect is enough: who asks only wants to know whether this checkpoint
// may count as kept.
#include "store/soundness.h"

#include <vector>

#include "store/paths.h"
#include "store/verify_blobs.h"
#include "store/verify_checkpoint.h"

namespace lastgood {

SoundnessCheck::SoundnessCheck(const StoreImpl& store)
    : store_(store), reader_(*store.files, paths::blobs(store.directory)) {}

std::optional<std::string> SoundnessCheck::defect_of(CheckpointId id) {
  const auto checkpoint = snapshot_of(store_, id);
  if (!checkpoint) return std::nullopt;
  std::vector<catalog::Blob> blobs;
  for (const catalog::Blob& blob : checkpoint->blobs.chunks) {
    if (!sound_.contains(blob.id)) blobs.push_back(blob);
  }
  // Headers and lengths, no contents: to read all bytes of all kept checkpoints would make each forget a verify.
  VerifyOptions options;
  options.depth = VerifyDepth::structure;
  BlobChecker checker(store_, reader_, options, 0);
  checker.check(blobs);
  if (!checker.result().bad.empty()) return checker.result().bad.front().what;
  for (const catalog::Blob& blob : blobs) sound_.insert(blob.id);
  const CheckpointFindings findings = check_checkpoint(store_, reader_, *checkpoint);
  if (!findings.bad.empty()) return findings.bad.front().what;
  if (!findings.damages.empty()) return findings.damages.front().what;
  return std::nullopt;
}

}  // namespace lastgood
