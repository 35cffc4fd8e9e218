#include "store/holder.h"

#include <unistd.h>

#include <array>

namespace lastgood {

std::string holder_note() {
  std::array<char, 256> host{};
  // A name that was cut short lacks its end; the array's last byte stays zero.
  const bool named = ::gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0';
  return "process " + std::to_string(::getpid()) + (named ? std::string(" on host ") + host.data() : std::string());
}

std::string describe_holder(io::FileSystem& files, const std::filesystem::path& path) {
  const std::string note = files.lock_note(path);
  return note.empty() ? "another process" : note;
}

}  // namespace lastgood
