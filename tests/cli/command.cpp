#include "tests/cli/command.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <regex>
#include <stdexcept>

namespace lastgood::test {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("cannot run the command: " + what);
}

/// Both ends of a pipe or of a terminal, closed at the latest here.
class Channel {
 public:
  Channel() = default;
  ~Channel() {
    close_read();
    close_write();
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void open_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2");
    read_ = ends[0];
    write_ = ends[1];
  }

  void open_terminal() {
    if (openpty(&read_, &write_, nullptr, nullptr, nullptr) != 0) fail("openpty");
    fcntl(read_, F_SETFD, FD_CLOEXEC);
    fcntl(write_, F_SETFD, FD_CLOEXEC);
  }

  void open_file(const std::string& path) {
    write_ = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (write_ < 0) fail("open " + path);
  }

  int read_end() const { return read_; }
  int write_end() const { return write_; }
  void close_read() { close_end(read_); }
  void close_write() { close_end(write_); }

 private:
  static void close_end(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }

  int read_ = -1;
  int write_ = -1;
};

void set_environment(const Surroundings& surroundings) {
  unsetenv("LASTGOOD_STORE");
  unsetenv("NO_COLOR");
  setenv("TERM", "xterm", 1);
  for (const auto& [name, value] : surroundings.variables) setenv(name.c_str(), value.c_str(), 1);
}

[[noreturn]] void become(const Words& words, const Surroundings& surroundings, int out, int err) {
  set_environment(surroundings);
  if (!surroundings.directory.empty() && chdir(surroundings.directory.c_str()) != 0) _exit(126);
  constexpr uid_t kNobody = 65'534;
  const bool drop = surroundings.user == Surroundings::User::nobody && geteuid() == 0;
  if (drop && (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0)) _exit(126);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  if (surroundings.interrupted) {
    // A blocked signal stays pending across exec, and is delivered when the command lets it: no race, no timing.
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, nullptr);
    raise(SIGINT);
  }
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

/// Reads both until nobody writes any more. A terminal says so with EIO.
void drain(Channel& out, Channel& err, Finished& finished) {
  std::array<pollfd, 2> ends = {pollfd{out.read_end(), POLLIN, 0}, pollfd{err.read_end(), POLLIN, 0}};
  const std::array<std::string*, 2> texts = {&finished.out, &finished.err};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (poll(ends.data(), ends.size(), -1) < 0 && errno != EINTR) fail("poll");
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      std::array<char, 65536> buffer{};
      const ssize_t count = read(ends[i].fd, buffer.data(), buffer.size());
      if (count > 0) {
        texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
      } else if (count == 0 || errno != EINTR) {
        ends[i].fd = -1;
      }
    }
  }
}

}  // namespace

Finished run_program(const Words& words, const Surroundings& surroundings) {
  const bool terminal = surroundings.terminal == Surroundings::Terminal::both;
  Channel out, err;
  if (!surroundings.out_file.empty()) {
    out.open_file(surroundings.out_file);
  } else if (terminal) {
    out.open_terminal();
  } else {
    out.open_pipe();
  }
  if (!terminal) err.open_pipe();

  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    // Its own end must go too, or its writes would find a reader: itself.
    if (surroundings.reader == Surroundings::Reader::left) out.close_read();
    become(words, surroundings, out.write_end(), terminal ? out.write_end() : err.write_end());
  }
  out.close_write();
  err.close_write();
  if (surroundings.reader == Surroundings::Reader::left) out.close_read();
  Finished finished;
  drain(out, err, finished);
  int status = 0;
  if (waitpid(child, &status, 0) != child) fail("waitpid");
  if (WIFEXITED(status)) finished.exit = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) finished.signal = WTERMSIG(status);
  return finished;
}

Finished lastgood(Words words, const Surroundings& surroundings) {
  words.insert(words.begin(), LASTGOOD_COMMAND);
  return run_program(words, surroundings);
}

Finished lastgood(const std::filesystem::path& store, const Words& words, const Surroundings& surroundings) {
  Words all = {"--store", store.string()};
  all.insert(all.end(), words.begin(), words.end());
  return lastgood(all, surroundings);
}

std::string without_chance(const std::string& text) {
  static const std::vector<std::pair<std::regex, std::string>> kReplacements = {
      {std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"), "TIME"},
      {std::regex(R"(\b[0-9a-f]{32}\b)"), "HASH"},
      {std::regex(R"(\b\d+[smhdy]\b)"), "AGE"},
      {std::regex(R"(\b\d+(\.\d+)? (B|[KMG]iB)\b)"), "SIZE"},
      {std::regex(" {2,}"), " "},
  };
  std::string result = text;
  for (const auto& [pattern, replacement] : kReplacements) result = std::regex_replace(result, pattern, replacement);
  return result;
}

}  // namespace lastgood::test
