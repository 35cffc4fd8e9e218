// Names and other texts as the format takes them. The same everywhere, whatever the locale. Safe from any thread.
//
// REQUIRES nothing of the text: it may come from a file, a command line or a damaged catalog.
#pragma once

#include <string>
#include <string_view>

namespace lastgood::format {

/// True for well-formed UTF-8 (shortest forms, no surrogates, at most U+10FFFF) without control characters (U+0000 to
/// U+001F, U+007F to U+009F).
bool is_clean_text(std::string_view text);

/// True for a JSON object, nested no deeper than records may be.
bool is_json_object(std::string_view text);

/// The name for a message: quoted, cut after 100 bytes, and what a terminal might take for a command as \xNN.
std::string in_quotes(std::string_view text);

}  // namespace lastgood::format
