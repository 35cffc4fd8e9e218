// No shell, so no quoting and no injection; a process group of its own, so that what a wrapper script started dies with
// it.
#include "timeout/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <lastgood/error.h>

namespace lastgood::timeout {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& name, const std::string& what, ErrorCode code, int error = 0) {
  throw Error(code, name, "the command " + name + " " + what, error);
}

/// Kills what is left of the process when it goes out of scope.
class Child {
 public:
  Child(const std::vector<std::string>& command, int output) : name_(command.front()) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);  // a group of its own: killed as a whole, and spared the terminal's ^C
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    const int error = posix_spawnp(&pid_, arguments[0], &files, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) {
      pid_ = 0;
      const bool absent = error == ENOENT || error == ENOTDIR;
      fail(name_, std::string("cannot be started: ") + strerrordesc_np(error),
           absent ? ErrorCode::not_found : ErrorCode::io, error);
    }
  }
  ~Child() {
    if (pid_ == 0) return;
    kill(-pid_, SIGKILL);
    static_cast<void>(wait());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

 private:
  std::string name_;
  pid_t pid_ = 0;
};

struct Pipe {
  int ends[2] = {-1, -1};
  explicit Pipe(const std::string& name) {
    if (pipe2(ends, O_CLOEXEC) != 0) fail(name, "cannot be started: no pipe", ErrorCode::io, errno);
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

/// Whether there is something to read, or the other end was closed, before `until`.
bool wait_readable(int file, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd entry{file, POLLIN, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= until) return false;
  }
}

}  // namespace

std::string run_command(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                        std::size_t most_bytes) {
  if (command.empty() || command.front().empty()) fail("", "has no name", ErrorCode::invalid_argument);
  const std::string& name = command.front();
  const Clock::time_point until = Clock::now() + limit;
  Pipe pipe(name);
  Child child(command, pipe.ends[1]);
  pipe.close_end(1);
  std::string text;
  for (char part[4096];;) {
    if (!wait_readable(pipe.ends[0], until)) {
      fail(name, "did not end within " + std::to_string(limit.count()) + " ms", ErrorCode::deadline_exceeded);
    }
    const ssize_t got = ::read(pipe.ends[0], part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(part, std::min(static_cast<std::size_t>(got), most_bytes - text.size()));
  }
  const int status = child.wait();
  if (WIFSIGNALED(status)) fail(name, "was killed by signal " + std::to_string(WTERMSIG(status)), ErrorCode::io);
  if (WEXITSTATUS(status) != 0) {
    fail(name, "ended with status " + std::to_string(WEXITSTATUS(status)), ErrorCode::io);
  }
  return text;
}

}  // namespace lastgood::timeout
