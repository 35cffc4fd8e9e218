// The exception type of the store. Its code is for programs, its message for people; nobody has to parse a message.
#include <lastgood/error.h>

#include <utility>

namespace lastgood {

// Scripts compare these words: one that was given out never changes.
const char* to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::corruption: return "corruption";
    case ErrorCode::unsupported_version: return "unsupported_version";
    case ErrorCode::busy: return "busy";
    case ErrorCode::no_space: return "no_space";
    case ErrorCode::io: return "io";
    case ErrorCode::permission: return "permission";
    case ErrorCode::deadline_exceeded: return "deadline_exceeded";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

// `os_error` is an errno, or 0 where no system call failed. Some callers ask for it: which errno stands behind `io`
// tells damage from a machine in trouble (quarantine.h, tells_of_damage()).
Error::Error(ErrorCode code, std::string subject, const std::string& message, int os_error)
    : std::runtime_error(message), code_(code), subject_(std::move(subject)), os_error_(os_error) {}

}  // namespace lastgood
