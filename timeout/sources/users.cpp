// A file or a command of the user's that tells the end: the way in for every platform that is not known here.
//
// A file that goes away, or a command that prints nothing, calls the end off; one that cannot be read keeps it.
#include <lastgood/error.h>
#include <lastgood/timeout_sources.h>

#include "timeout/times.h"

namespace lastgood {
namespace {

constexpr std::chrono::seconds kPatience{30};

/// A time in one of the forms that timeout_sources.h lists. Maps each text once, so that it means the same whenever it
/// is asked.
class UsersLimit : public DeadlineSource {
 public:
  UsersLimit(const Machine& machine, std::string from, Interval interval)
      : machine_(machine), from_(std::move(from)), interval_(interval) {}

  std::optional<Interval> interval() const final { return interval_; }

 protected:
  /// Nothing: now.
  Deadline read(std::string_view text) {
    if (!seen_ || *seen_ != text) {
      end_ = end_of(text);
      seen_ = text;
    }
    return {end_, name(), from_ + " says so"};
  }
  const Machine& machine() const { return machine_; }

 private:
  BootTime end_of(std::string_view text) const {
    if (text.empty()) return machine_.now();
    const bool relative = text.starts_with('+');
    if (const auto seconds = timeout::parse_count(text.substr(relative ? 1 : 0)); seconds && *seconds < 7'000'000'000) {
      if (relative) return machine_.now() + std::chrono::seconds(*seconds);
      return timeout::boot_time(machine_, timeout::WallTime(std::chrono::seconds(*seconds)));
    }
    if (const auto time = timeout::parse_iso_time(text)) return timeout::boot_time(machine_, *time);
    throw Error(ErrorCode::invalid_argument, from_,
                from_ + " tells no time: '" + std::string(text.substr(0, 80)) +
                    "'; it takes \"+SECONDS\", seconds since 1970, or \"2026-11-24T18:30:00Z\"");
  }

  const Machine& machine_;
  std::string from_;
  Interval interval_;
  std::optional<std::string> seen_;
  BootTime end_{};
};

class LimitFile final : public UsersLimit {
 public:
  LimitFile(const Machine& machine, std::filesystem::path path, Interval interval)
      : UsersLimit(machine, "the file " + path.string(), interval), path_(std::move(path)) {}

  std::string name() const override { return "file"; }
  std::optional<Deadline> ask() override {
    const auto text = machine().read_file(path_);
    if (!text) return std::nullopt;
    return read(timeout::trimmed(*text));
  }

 private:
  std::filesystem::path path_;
};

class LimitCommand final : public UsersLimit {
 public:
  LimitCommand(const Machine& machine, std::vector<std::string> command, Interval interval)
      : UsersLimit(machine, "the command " + command.front(), interval), command_(std::move(command)) {}

  std::string name() const override { return "command"; }
  std::optional<Deadline> ask() override {
    const std::string text = machine().run(command_, kPatience);
    const auto line = timeout::trimmed(text);
    if (line.empty()) return std::nullopt;
    return read(line);
  }

 private:
  std::vector<std::string> command_;
};

}  // namespace

std::unique_ptr<DeadlineSource> limit_file(const Machine& machine, std::filesystem::path path, Interval interval) {
  return std::make_unique<LimitFile>(machine, std::move(path), interval);
}

std::unique_ptr<DeadlineSource> limit_command(const Machine& machine, std::vector<std::string> command,
                                              Interval interval) {
  if (command.empty()) throw Error(ErrorCode::invalid_argument, "limit_command", "the command has no name");
  return std::make_unique<LimitCommand>(machine, std::move(command), interval);
}

}  // namespace lastgood
