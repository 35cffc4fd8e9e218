// Text for people. A process id in a note may be of another machine or long gone: nothing is ever decided by it.
#include "store/holder.h"

#include <unistd.h>

#include <array>

#include <lastgood/error.h>

namespace lastgood {

std::string holder_note() {
  std::array<char, 256> host{};
  // A name that was cut short lacks its end; the array's last byte stays zero.
  const bool named = ::gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0';
  return "process " + std::to_string(::getpid()) + (named ? std::string(" on host ") + host.data() : std::string());
}

void sign(io::FileLock& lock) {
  try {
    lock.write_note(holder_note());
  } catch (const Error&) {
    // Not reported: nothing depends on the note, and whatever ails the disk is met by what really matters next.
  }
}

std::string describe_holder(io::FileSystem& files, const std::filesystem::path& path) {
  const std::string note = files.lock_note(path);
  return note.empty() ? "another process" : note;
}

}  // namespace lastgood
