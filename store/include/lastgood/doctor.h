// What a training state holds and what it looks to be missing, so that a forgotten part is found before the resume that
// needs it. Judged by the entries alone: whatever framework wrote them, as long as names are those of the LibTorch
// adapter (store/FORMAT.md tells them).
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

/// A part of the state, by the first word of its entries' names: `model`, `optimizer`, `default`.
struct CapturedPart {
  Section section = Section::model;
  std::string name;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // tied entries once
};

/// Something that looks to be missing or wrong.
struct Finding {
  Severity severity = Severity::info;  // critical: a resume cannot be exact; warning: it may not be; info: worth a look
  std::string message;                 // what, naming the part
  std::string advice;                  // what to do about it
};

struct Diagnosis {
  std::vector<CapturedPart> captured;  // by section, then in the order of the entries
  std::vector<Finding> findings;       // worst first
  /// Nothing critical was found.
  bool can_be_exact() const noexcept;
};

/// The text of an entry of dtype json.
using EntryText = std::function<std::string(const EntrySpec&)>;

/// Examines the entries. `text_of` is asked for those of dtype json in the sections optimizer and extra; what it throws
/// passes on.
Diagnosis doctor(std::span<const EntrySpec> entries, const EntryText& text_of);

/// The same for a checkpoint of a store. Reads its small entries. Errors: not_found, corruption.
Diagnosis doctor(const Store& store, CheckpointId checkpoint);

}  // namespace lastgood
