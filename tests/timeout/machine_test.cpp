// The real machine: clocks, files, commands.
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <lastgood/timeout_machine.h>
#include <catch2/catch.hpp>

#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"
#include "timeout/processes.h"

using namespace lastgood;
using namespace lastgood::test;
using namespace std::chrono_literals;
using Catch::Contains;

TEST_CASE("The boot clock is the one that /proc/uptime shows") {
  const auto shown = [] {
    const double seconds = std::stod(this_machine().read_file("/proc/uptime").value());
    return std::chrono::duration<double>(seconds);
  };
  const auto before = shown();
  const auto now = this_machine().now().time_since_epoch();
  const auto after = shown();
  CHECK(now >= before);
  CHECK(now < after + 10ms);  // which the file rounds to
}

TEST_CASE("This process began after the session's leader, and before now") {
  const auto self = timeout::process_start(this_machine(), "self");
  REQUIRE(self);
  CHECK(*self <= this_machine().now());
  if (const auto leader = timeout::session_leader_start(this_machine())) CHECK(*leader <= *self);
  CHECK_FALSE(timeout::process_start(this_machine(), "no-such-process"));
}

TEST_CASE("A variable that is not set is told from one that is empty") {
  setenv("LASTGOOD_TEST_EMPTY", "", 1);
  CHECK(this_machine().environment("LASTGOOD_TEST_EMPTY") == "");
  CHECK_FALSE(this_machine().environment("LASTGOOD_TEST_ABSENT"));
}

TEST_CASE("Files: absent, whole, too long, and none") {
  const TemporaryDirectory dir;
  CHECK_FALSE(this_machine().read_file(dir / "absent"));
  CHECK_FALSE(this_machine().read_file(dir / "absent/below"));
  std::ofstream(dir / "short") << "text";
  CHECK(this_machine().read_file(dir / "short") == "text");
  std::ofstream(dir / "long") << std::string(100'000, 'x');
  CHECK(this_machine().read_file(dir / "long")->size() == 64 * 1024);
  const Error error = thrown_by([&] { this_machine().read_file(dir.path()); });
  CHECK(error.code() == ErrorCode::io);
  CHECK(error.os_error() == EISDIR);
}

TEST_CASE("A command's output is what it printed") {
  CHECK(this_machine().run({"printf", "%s", "a b"}, 10s) == "a b");
  CHECK(this_machine().run({"cat"}, 10s).empty());  // reads nothing of ours
  CHECK(this_machine().run({"head", "-c", "100000", "/dev/zero"}, 10s).size() == 64 * 1024);
}

TEST_CASE("A command that is absent, fails, is killed or does not end is an error that names it") {
  const auto error = [](const std::vector<std::string>& command, std::chrono::milliseconds limit = 10s) {
    const Error thrown = thrown_by([&] { this_machine().run(command, limit); });
    CHECK(thrown.subject() == command.front());
    return thrown;
  };
  CHECK(error({"lastgood-no-such-command"}).code() == ErrorCode::not_found);
  CHECK_THAT(error({"sh", "-c", "exit 3"}).what(), Contains("status 3"));
  CHECK_THAT(error({"sh", "-c", "kill -9 $$"}).what(), Contains("signal 9"));
  CHECK(error({"sh", "-c", "sleep 1000 & sleep 1000"}, 50ms).code() == ErrorCode::deadline_exceeded);
  CHECK(thrown_by([] { this_machine().run({}, 1s); }).code() == ErrorCode::invalid_argument);
}
