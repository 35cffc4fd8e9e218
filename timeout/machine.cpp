// Only what is seen of the machine: no rule of any platform is here, and nothing is kept between calls.
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include <lastgood/error.h>
#include <lastgood/timeout_machine.h>

#include "timeout/command.h"
#include "timeout/http.h"

namespace lastgood {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024;

class PosixMachine final : public Machine {
 public:
  BootTime now() const noexcept override { return BootClock::now(); }
  std::chrono::system_clock::time_point wall_clock() const noexcept override {
    return std::chrono::system_clock::now();
  }
  std::optional<std::string> environment(const std::string& name) const override {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  }
  std::optional<std::string> read_file(const std::filesystem::path& path) const override;
  std::string run(const std::vector<std::string>& command, std::chrono::milliseconds limit) const override {
    return timeout::run_command(command, limit, kMostBytes);
  }
  HttpReply fetch(const HttpRequest& request) const override { return timeout::fetch(request, kMostBytes); }
};

[[noreturn]] void throw_read_error(const std::filesystem::path& path, int error) {
  const bool forbidden = error == EACCES || error == EPERM;
  throw Error(forbidden ? ErrorCode::permission : ErrorCode::io, path.string(),
              "cannot read " + path.string() + ": " + std::string(strerrordesc_np(error)), error);
}

std::optional<std::string> PosixMachine::read_file(const std::filesystem::path& path) const {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw_read_error(path, errno);
  }
  std::string text(kMostBytes, '\0');
  std::size_t size = 0;
  ssize_t got = 1;
  while (size < text.size() && got != 0) {
    got = ::read(file, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      ::close(file);
      throw_read_error(path, error);
    }
    size += static_cast<std::size_t>(got);
  }
  ::close(file);
  text.resize(size);
  return text;
}

}  // namespace

BootTime BootClock::now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);  // cannot fail: Linux has had it since 2.6.39
  return BootTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

const Machine& this_machine() noexcept {
  static const PosixMachine machine;
  return machine;
}

}  // namespace lastgood
