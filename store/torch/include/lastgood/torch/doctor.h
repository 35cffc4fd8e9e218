// Is the training state whole? Ask before the long run, not after the crash.
//
//   for (const auto& finding : lastgood::doctor(state).findings) std::cerr << finding.message << '\n';
//
//   const auto proof = lastgood::prove_resume(state, [&] {
//     auto batch = std::make_shared<Iterator>(loader->begin());   // as a new process would begin
//     return [&, batch] { train_one_step(*batch); };
//   }, 20);
//   if (!proof.exact) throw std::runtime_error(proof.difference);
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <lastgood/doctor.h>
#include <lastgood/torch.h>

namespace lastgood {

/// What is registered and what looks to be missing: as doctor() of a checkpoint, and what only the live objects tell
/// (parameters that no optimizer updates; a part that cannot be captured at all, with the reason). Changes nothing.
Diagnosis doctor(const TrainingState& state);

struct ResumeProof {
  bool exact = false;
  std::int64_t steps = 0;
  std::uint64_t entries = 0;  // compared
  /// Empty when exact; else the first entry that differs, and how: both values of its first different element.
  std::string difference;
};

/// One step of the training.
using TrainStep = std::function<void()>;
/// Begins the training where the state stands now, as a new process does: makes iterators over the loader.
using BeginTraining = std::function<TrainStep()>;

/// Keeps the state in memory, runs `steps` steps, brings the state back, runs them again, and compares every entry to
/// the bit. Needs twice the state's memory. The training has gone `steps` steps further when it returns; after an
/// exception of a step it stands where that left it. Errors: those of capture() and restore(); what a step throws.
ResumeProof prove_resume(TrainingState& state, const BeginTraining& begin, std::int64_t steps);

}  // namespace lastgood
