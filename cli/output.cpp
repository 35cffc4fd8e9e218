// Written with write(2), not through iostreams or stdio: those lose the errno of a failure, and a full disk must not
// pass for a report that was delivered.
#include "cli/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <lastgood/error.h>

namespace lastgood::cli {

namespace {

// What a pipe holds on Linux (pipe(7)).
constexpr std::size_t kBufferBytes = 64 * 1024;

const char* escape_sequence(Tone tone) {
  switch (tone) {
    case Tone::plain: return "";
    case Tone::strong: return "\x1b[1m";
    case Tone::good: return "\x1b[32m";
    case Tone::doubtful: return "\x1b[33m";
    case Tone::bad: return "\x1b[31m";
    case Tone::faint: return "\x1b[2m";
  }
  return "";
}

}  // namespace

// Each piece ends its own colour, so that a cut line cannot colour the rest of the screen.
std::string paint(std::string_view text, Tone tone, bool color) {
  if (!color || tone == Tone::plain || text.empty()) return std::string(text);
  return escape_sequence(tone) + std::string(text) + "\x1b[0m";
}

void Output::write(std::string_view text) {
  if (error_ != 0) return;
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void Output::line(std::string_view text) {
  write(text);
  write("\n");
}

/// A write that was cut short goes on; the first error is kept, and everything after it is dropped.
void Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && error_ == 0) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  buffer_.clear();
}

void Output::finish() {
  flush();
  if (error_ == 0 || error_ == EPIPE) return;
  const int error = error_;
  error_ = EPIPE;  // said once
  throw Error(error == ENOSPC || error == EDQUOT ? ErrorCode::no_space : ErrorCode::io, "standard output",
              std::string("cannot write to standard output: ") + std::strerror(error) +
                  "; what was asked for is done, only its report is incomplete",
              error);
}

}  // namespace lastgood::cli
