// What a training state holds and what it looks to be missing, so that a forgotten part is found before the resume that
// needs it. Judged by the entries alone: whatever framework wrote them, as long as names are those of the LibTorch
// adapter (store/FORMAT.md tells them).
//
// It looks and changes nothing. What it does not find wrong may still be: only a resume that was tried proves it
// (prove_resume(), in the LibTorch adapter). Safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/store.h>
#include <lastgood/telemetry.h>
#include <lastgood/tensor.h>

namespace lastgood {

/// A part of the state, by the first word of its entries' names: `model`, `optimizer`, `default`. Up to the first dot,
/// so that the parts of a TrainingState come out under the names that they were registered by.
struct CapturedPart {
  Section section = Section::model;
  std::string name;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // tied entries once
};

/// Something that looks to be missing or wrong.
struct Finding {
  Severity severity = Severity::info;  // critical: a resume cannot be exact; warning: it may not be; info: worth a look
  /// What, naming the part. Messages and advice are for people, and may change.
  std::string message;
  std::string advice;  // what to do about it
};

/// Owns its texts; valid without the store.
struct Diagnosis {
  std::vector<CapturedPart> captured;  // by section, then in the order of the entries
  std::vector<Finding> findings;       // worst first
  /// Nothing critical was found.
  bool can_be_exact() const noexcept;
};

/// The text of an entry of dtype json.
using EntryText = std::function<std::string(const EntrySpec&)>;

/// Examines the entries. `text_of` is asked for those of dtype json in the sections optimizer and extra; what it throws
/// passes on. Called on the calling thread.
Diagnosis doctor(std::span<const EntrySpec> entries, const EntryText& text_of);

/// The same for a checkpoint of a store, also through a read-only handle. Reads its small entries, checked like those
/// of any load. Errors: not_found, corruption, io, busy.
Diagnosis doctor(const Store& store, CheckpointId checkpoint);

}  // namespace lastgood
