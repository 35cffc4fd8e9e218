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

/// "1 checkpoint", "2 checkpoints".
std::string counted(std::size_t count, std::string_view noun);

/// Lets the C library know the width of characters beyond ASCII. Call it once, before there are threads.
void set_text_locale();

}  // namespace lastgood::cli
