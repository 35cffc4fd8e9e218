// The words by which checkpoints are named, beside ids: what is reserved, and what a tag may look like.
#pragma once

#include <string>
#include <string_view>

namespace lastgood {

inline constexpr std::string_view kHead = "head";
inline constexpr std::string_view kLatest = "latest";
inline constexpr std::string_view kLastStable = "last-stable";
inline constexpr std::string_view kStepPrefix = "step:";

/// Digits only, and at least one.
bool is_number(std::string_view text);
/// head, latest, last-stable, and all that begins with "step:".
bool is_reserved(std::string_view text);
/// 1 to 128 characters of [A-Za-z0-9._/-]. Numbers and reserved words pass: they look like tags but are none.
bool is_tag_text(std::string_view text);
/// The text as it may be shown: control characters and what is no ASCII become '?'; cut after 80 characters.
std::string printable(std::string_view text);

}  // namespace lastgood
