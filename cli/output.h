// Where the command's data goes: standard output, buffered, with one rule for a reader that went away.
#pragma once

#include <string>
#include <string_view>

namespace lastgood::cli {

/// Colours of a terminal, by what they mean.
enum class Tone { plain, strong, good, doubtful, bad, faint };

/// `text` in the tone's colour, or as it is where `color` is false.
std::string paint(std::string_view text, Tone tone, bool color);

/// Standard output. Not thread-safe. Data alone goes through here. Hints, warnings and errors go to standard error, so
/// that a pipe gets data only.
class Output {
 public:
  /// Appends text. After a failure everything is dropped: see finish().
  void write(std::string_view text);
  void line(std::string_view text = {});

  /// Writes what is buffered. A closed pipe is no error: its reader has seen enough. Error: io, no_space.
  void finish();

  /// Nobody reads what is written from here on.
  bool is_closed() const noexcept { return error_ != 0; }

 private:
  void flush();

  std::string buffer_;
  int error_ = 0;
};

}  // namespace lastgood::cli
