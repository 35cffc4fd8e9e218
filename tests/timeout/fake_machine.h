// A machine of the test's own: clocks that stand until they are moved, an environment, a tree of files, commands that
// print what the test says. The network is the real one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <lastgood/error.h>
#include <lastgood/timeout_machine.h>

namespace lastgood::test {

using namespace std::chrono_literals;

/// 2026-11-24T12:00:00Z
inline constexpr std::chrono::system_clock::time_point kNoon{std::chrono::seconds(1'795'521'600)};

class FakeMachine : public Machine {
 public:
  BootTime boot{1h};
  std::chrono::system_clock::time_point wall = kNoon;
  std::map<std::string, std::string> variables = {};
  std::map<std::string, std::string> files = {};
  std::map<std::string, std::string> commands = {};  // by their words, with single spaces

  void pass(std::chrono::nanoseconds time) {
    boot += time;
    wall += std::chrono::duration_cast<std::chrono::system_clock::duration>(time);
  }
  /// /proc/<process>/stat, of a process of this session that began at `start`.
  void add_process(const std::string& process, std::chrono::seconds start, int session = 77) {
    std::string text = "77 (a (strange) name) S 1 77 " + std::to_string(session);
    for (int field = 7; field < 22; ++field) text += " 0";
    files["/proc/" + process + "/stat"] = text + ' ' + std::to_string(start.count() * 100) + " 0 0\n";
  }

  BootTime now() const noexcept override { return boot; }
  std::chrono::system_clock::time_point wall_clock() const noexcept override { return wall; }
  std::optional<std::string> environment(const std::string& name) const override { return find(variables, name); }
  std::optional<std::string> read_file(const std::filesystem::path& path) const override {
    return find(files, path.string());
  }
  std::string run(const std::vector<std::string>& command, std::chrono::milliseconds) const override {
    std::string words;
    for (const std::string& word : command) words += (words.empty() ? "" : " ") + word;
    const auto found = find(commands, words);
    if (!found) throw Error(ErrorCode::not_found, command.front(), "no such command: " + words);
    return *found;
  }
  HttpReply fetch(const HttpRequest& request) const override { return this_machine().fetch(request); }

 private:
  static std::optional<std::string> find(const std::map<std::string, std::string>& in, const std::string& key) {
    const auto found = in.find(key);
    return found != in.end() ? std::optional(found->second) : std::nullopt;
  }
};

}  // namespace lastgood::test
