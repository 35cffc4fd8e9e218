// What every system call of this room goes through: the retry on EINTR, and the one translation of errno.
#pragma once

#include <cerrno>
#include <filesystem>
#include <string_view>

#include <lastgood/error.h>

namespace lastgood::io {

/// "cannot <action> <path>: <strerror>; <what to do>", with the code that the FileSystem's contract names. Take errno
/// before anything else can change it.
Error errno_error(int error, std::string_view action, const std::filesystem::path& path);

/// Calls until the result is not -1 with EINTR. For calls that did nothing when they were interrupted; close() is not
/// one of them.
template <class Call>
auto retry_interrupted(Call call) {
  while (true) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

}  // namespace lastgood::io
