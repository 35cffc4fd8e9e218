// The rules that a manifest obeys on its way in and on its way out: one set, so that the two cannot drift apart. The
// caller decides whether a defect is the user's mistake (a save) or damage (a decoder). Pure functions.
#pragma once

#include <optional>
#include <string>

#include "store/format/manifest.h"

namespace lastgood::format {

/// What is wrong, and with which entry (or "manifest").
struct Defect {
  std::string subject;
  std::string text;
};

/// Nothing where the spec is as the store takes it.
std::optional<Defect> find_defect(const EntrySpec& spec);
/// Nothing where the manifest may be encoded.
std::optional<Defect> find_defect(const Manifest& manifest);

}  // namespace lastgood::format
