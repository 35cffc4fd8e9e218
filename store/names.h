// The words by which checkpoints are named, beside ids: what is reserved, and what a tag may look like. Pure functions;
// the catalog takes any text as a tag, so these are what keeps the rules.
#pragma once

#include <string>
#include <string_view>

namespace lastgood {

inline constexpr std::string_view kHead = "head";
inline constexpr std::string_view kLatest = "latest";
inline constexpr std::string_view kLastStable = "last-stable";
inline constexpr std::string_view kStepPrefix = "step:";

/// For messages. A part may begin neither with '-', which the command would take for an option, nor with '.', so that
/// no tag can be mistaken for a path that leads elsewhere ("..", "a/../b").
inline constexpr const char* kTagRule =
    "a tag has 1 to 128 characters of A-Z a-z 0-9 . _ -, in parts divided by single /, each of which begins with a "
    "letter, a digit or _";

/// Digits only, and at least one.
bool is_number(std::string_view text);
/// head, latest, last-stable, and all that begins with "step:".
bool is_reserved(std::string_view text);
/// The letters A to Z in lower case.
std::string in_lower_case(std::string_view text);
/// True for a reserved word in any mixture of cases: as a tag it would be taken for the word by people.
bool looks_reserved(std::string_view text);
/// What kTagRule says. Numbers and reserved words pass: they look like tags but are none.
bool is_tag_text(std::string_view text);
/// The text as it may be shown: control characters and what is no ASCII become '?'; cut after 80 characters.
std::string printable(std::string_view text);

}  // namespace lastgood
