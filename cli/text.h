// Text for a terminal: names come from users and stores from anywhere, so nothing reaches the screen unchecked.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lastgood::cli {

/// `text` with control characters, bytes that are not UTF-8 and characters that reorder a line written as escapes:
/// "\n", "\x1b", "\u{202e}".
std::string escape(std::string_view text);

/// The same, but line breaks stay: for messages of our own that contain names.
std::string escape_lines(std::string_view text);

/// Columns that `text`, already escaped, takes on a terminal. REQUIRES: set_text_locale() was called.
std::size_t display_width(std::string_view text);

/// `text`, already escaped, cut to at most `columns`; what was cut ends with an ellipsis.
std::string fit(std::string_view text, std::size_t columns);

/// The same two for text that paint() has coloured: sequences that set a colour take no columns, and none is left on.
std::size_t painted_width(std::string_view text);
std::string fit_painted(std::string_view text, std::size_t columns);

/// As many columns in plain ASCII: "~" for an ellipsis, "?" for what else is beyond it.
std::string ascii_only(std::string_view text);

/// Whether the user's locale ($LC_ALL, $LC_CTYPE, $LANG) has characters beyond ASCII as UTF-8.
bool has_utf8_locale();

/// "1 checkpoint", "2 checkpoints".
std::string counted(std::size_t count, std::string_view noun);

/// Lets the C library know the width of characters beyond ASCII. Call it once, before there are threads.
void set_text_locale();

}  // namespace lastgood::cli
