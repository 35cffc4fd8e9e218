// How Lastgood reports failure: one exception type, with a closed set of codes.
//
// The message of an Error says what happened, to what, and what to do about it; it is meant to be shown to the user
// as it stands. A program that wants to react looks at `code()`. Absence that is expected is a std::optional, never an
// Error. Errors are values: copying and throwing them from several threads is safe.
//
// What the codes ask of a program: after `busy`, `no_space` and most of `io` the same call may succeed later; after
// `corruption` another checkpoint, or `lastgood verify`; after `invalid_argument` and `internal` a change of a program,
// the caller's or Lastgood's. Besides Error, any function may throw std::bad_alloc.
#pragma once

#include <stdexcept>
#include <string>

namespace lastgood {

enum class ErrorCode {
  not_found,            // no such store, run, checkpoint or entry
  already_exists,       // what should be created is there
  invalid_argument,     // the caller's mistake: wrong shape, duplicate name, a handle used after fork
  corruption,           // bytes do not match their hash, or a file's structure is damaged
  unsupported_version,  // a newer format, or a file system without what the store needs
  busy,                 // another process holds what is needed; the message names it
  no_space,             // ENOSPC, EDQUOT, SQLITE_FULL
  io,                   // any other failure of the operating system; see os_error()
  permission,           // EACCES, EPERM, EROFS, or a write through a read-only handle
  deadline_exceeded,    // a time limit passed first
  cancelled,            // a progress callback asked to stop
  internal,             // a bug in Lastgood
};

/// The code's name in lower case, as the command's JSON prints it: "not_found". Never changes, never freed.
const char* to_string(ErrorCode code) noexcept;

/// The one exception type of the library: what SQLite, zstd, a JSON parser or LibTorch throw is translated where it is
/// met.
class Error : public std::runtime_error {
 public:
  /// `subject` is the path, id or name that the failure is about; `os_error` the errno, or the extended SQLite code.
  Error(ErrorCode code, std::string subject, const std::string& message, int os_error = 0);

  /// What a program decides by; the message is for people, and may change.
  ErrorCode code() const noexcept { return code_; }
  const std::string& subject() const noexcept { return subject_; }
  /// 0 where there is neither. For the catalog it is the errno where SQLite knows one, else SQLite's code.
  int os_error() const noexcept { return os_error_; }

 private:
  ErrorCode code_;
  std::string subject_;
  int os_error_;
};

}  // namespace lastgood
