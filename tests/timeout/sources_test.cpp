// Each deadline source, on a machine that is made up.
#include <lastgood/timeout_sources.h>
#include <catch2/catch.hpp>

#include "tests/support/thrown_error.h"
#include "tests/timeout/fake_machine.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;

namespace {

/// How long a source gives from now on; nothing where it knows of no end.
std::optional<std::chrono::nanoseconds> left(const Machine& machine, DeadlineSource& source) {
  const auto deadline = source.ask();
  if (!deadline) return std::nullopt;
  CHECK(deadline->source == source.name());
  CHECK_FALSE(deadline->why.empty());
  return deadline->at - machine.now();
}

std::optional<std::chrono::nanoseconds> left(const Machine& machine, const std::unique_ptr<DeadlineSource>& source) {
  return left(machine, *source);
}

}  // namespace

TEST_CASE("A duration counts from the session's start, wherever that runs") {
  FakeMachine machine;
  const auto source = duration_limit(machine.now() - 10min, 1h);
  CHECK(left(machine, source) == 50min);
  machine.pass(20min);
  CHECK(left(machine, source) == 30min);
  CHECK(thrown_by([] { duration_limit(BootTime{}, 0s); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("SLURM tells the job's end by the wall clock") {
  FakeMachine machine;
  const auto source = slurm_limit(machine);
  CHECK_FALSE(source->ask());
  machine.variables["SLURM_JOB_ID"] = "4711";
  CHECK_FALSE(source->ask());  // a partition without limits
  machine.variables["SLURM_JOB_END_TIME"] = std::to_string(1'795'521'600 + 5400);
  CHECK(left(machine, source) == 90min);
  CHECK_THAT(source->ask()->why, Contains("4711"));
  CHECK_FALSE(source->interval());
  machine.variables["SLURM_JOB_END_TIME"] = "tomorrow";
  const Error error = thrown_by([&] { source->ask(); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK_THAT(error.what(), Contains("'tomorrow'"));
}

TEST_CASE("LSF's time left is that of bjobs, in hours and minutes, asked again and again") {
  FakeMachine machine;
  const auto source = lsf_limit(machine, 60s);
  CHECK(source->interval() == Interval(60s));
  CHECK_FALSE(source->ask());
  machine.variables["LSB_JOBID"] = "99";
  const std::string question = "bjobs -noheader -o time_left 99";
  machine.commands[question] = "1:30 L\n";
  CHECK(left(machine, source) == 90min);
  machine.commands[question] = "0:05 L\n";
  CHECK(left(machine, source) == 5min);
  for (const char* none : {"-\n", "2:00 E\n", ""}) {  // an estimate kills nobody
    machine.commands[question] = none;
    CHECK_FALSE(source->ask());
  }
  machine.commands[question] = "soon\n";
  CHECK_THAT(thrown_by([&] { source->ask(); }).what(), Contains("'soon'"));
}

TEST_CASE("An element of an LSF job array asks for itself") {
  FakeMachine machine;
  machine.variables = {{"LSB_JOBID", "99"}, {"LSB_JOBINDEX", "4"}};
  machine.commands = {{"bjobs -noheader -o time_left 99[4]", "0:10 L"}};
  CHECK(left(machine, lsf_limit(machine, 60s)) == 10min);
  machine.variables["LSB_JOBINDEX"] = "0";
  machine.commands = {{"bjobs -noheader -o time_left 99", "0:20 L"}};
  CHECK(left(machine, lsf_limit(machine, 60s)) == 20min);
}

TEST_CASE("PBS counts the walltime from the start of the job's shell, not of the trainer") {
  FakeMachine machine;  // has been up for an hour
  machine.add_process("self", 3500s, 42);
  machine.add_process("42", 3000s, 42);
  const auto source = pbs_limit(machine);
  CHECK_FALSE(source->ask());
  machine.variables["PBS_JOBID"] = "7.server";
  SECTION("which Torque has in the environment, in seconds") {
    machine.variables["PBS_WALLTIME"] = "1800";
    CHECK(left(machine, source) == 1200s);
  }
  SECTION("which PBS tells when asked") {
    machine.commands["qstat -f 7.server"] = "Job Id: 7.server\n    Resource_List.walltime = 00:30:00\n    x = y\n";
    CHECK(left(machine, source) == 1200s);
  }
  SECTION("from the trainer's start where the shell is gone") {
    machine.files.erase("/proc/42/stat");
    machine.variables["PBS_WALLTIME"] = "1800";
    CHECK(left(machine, source) == 1700s);
  }
  SECTION("but a job may have none") {
    machine.commands["qstat -f 7.server"] = "Job Id: 7.server\n";
    CHECK_FALSE(source->ask());
  }
  SECTION("and a qstat that is not there is told") {
    CHECK(thrown_by([&] { source->ask(); }).code() == ErrorCode::not_found);
  }
  SECTION("and one that says nonsense, too") {
    machine.commands["qstat -f 7.server"] = "    Resource_List.walltime = 1:2:3:4\n";
    CHECK_THAT(thrown_by([&] { source->ask(); }).what(), Contains("1:2:3:4"));
  }
}

TEST_CASE("Colab's hours count from the machine's start") {
  FakeMachine machine;
  machine.add_process("self", 3599s);
  CHECK_FALSE(colab_limit(machine, 12h)->ask());  // not on Colab
  machine.variables["COLAB_RELEASE_TAG"] = "release-colab_20261101";
  CHECK(left(machine, colab_limit(machine, 12h)) == 11h);
  CHECK(left(machine, colab_limit(machine, 24h)) == 23h);
  SECTION("or from the container's, where the uptime is that of an old host") {
    machine.boot = BootTime(1000h);
    machine.add_process("1", std::chrono::seconds(995h));
    CHECK(left(machine, colab_limit(machine, 12h)) == 7h);
  }
  SECTION("and a suspended machine's count goes on, as the boot clock does") {
    machine.boot += 2h;  // while a monotonic clock would have stood still
    CHECK(left(machine, colab_limit(machine, 12h)) == 9h);
  }
}

TEST_CASE("Kaggle gives twelve hours from the container's start, nine with an accelerator") {
  FakeMachine machine;
  machine.add_process("1", 1800s);
  const auto source = kaggle_limit(machine);
  CHECK_FALSE(source->ask());
  machine.variables["KAGGLE_KERNEL_RUN_TYPE"] = "Interactive";
  CHECK(left(machine, source) == 12h - 30min);
  machine.files["/proc/driver/nvidia/version"] = "NVRM version: NVIDIA UNIX";
  CHECK(left(machine, source) == 9h - 30min);
  machine.files.erase("/proc/driver/nvidia/version");
  machine.variables["TPU_ACCELERATOR_TYPE"] = "v3-8";
  CHECK(left(machine, source) == 9h - 30min);
}

TEST_CASE("Kaggle's image has Colab's variables, and is not taken for Colab") {
  FakeMachine machine;
  machine.variables = {{"KAGGLE_KERNEL_RUN_TYPE", "Batch"}, {"COLAB_RELEASE_TAG", "release"}};
  CHECK_FALSE(colab_limit(machine, 12h)->ask());
  CHECK(kaggle_limit(machine)->ask());
}

TEST_CASE("A file or a command of the user's tells the end in any of three forms") {
  FakeMachine machine;
  const auto file = limit_file(machine, "/run/limit", 60s);
  const auto command = limit_command(machine, {"my-limit", "--gpu"}, 60s);
  CHECK_FALSE(file->ask());
  const auto check = [&](const std::string& text, std::chrono::nanoseconds expected) {
    INFO(text);
    machine.files["/run/limit"] = text;
    machine.commands["my-limit --gpu"] = text;
    CHECK(left(machine, file) == expected);
    CHECK(left(machine, command) == expected);
  };
  check("+90\n", 90s);
  check("1795525200\n", 1h);
  check("2026-11-24T12:10:00Z", 10min);
  check("2026-11-24T12:10:00.250Z", 10min);
  check("+0", 0s);
}

TEST_CASE("An empty file means now; a command that prints nothing knows of no end") {
  FakeMachine machine;
  machine.files["/run/limit"] = "\n";
  machine.commands["my-limit"] = "\n";
  CHECK(left(machine, limit_file(machine, "/run/limit", 60s)) == 0s);
  CHECK_FALSE(limit_command(machine, {"my-limit"}, 60s)->ask());
}

TEST_CASE("A relative time counts from when it was read first, until the file says something else") {
  FakeMachine machine;
  machine.files["/run/limit"] = "+600";
  const auto source = limit_file(machine, "/run/limit", 60s);
  CHECK(left(machine, source) == 10min);
  machine.pass(4min);
  CHECK(left(machine, source) == 6min);
  machine.files["/run/limit"] = "+900";
  CHECK(left(machine, source) == 15min);
}

TEST_CASE("A file or a command that tells no time is refused by name") {
  FakeMachine machine;
  for (const char* text :
       {"soon", "+", "-5", "12 h", "2026-13-01T00:00:00Z", "2026-11-24T12:10:00", "99999999999999999999"}) {
    INFO(text);
    machine.files["/run/limit"] = text;
    const Error error = thrown_by([&] { limit_file(machine, "/run/limit", 60s)->ask(); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK_THAT(error.what(), Contains("/run/limit") && Contains("+SECONDS"));
  }
  CHECK(thrown_by([&] { limit_command(machine, {}, 60s); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("Setting the wall clock moves no end that is known already") {
  FakeMachine machine;
  machine.files["/run/limit"] = "2026-11-24T13:00:00Z";
  const auto source = limit_file(machine, "/run/limit", 60s);
  CHECK(left(machine, source) == 1h);
  machine.wall -= 5h;
  machine.boot += 10min;
  CHECK(left(machine, source) == 50min);
  machine.wall += 300h;
  CHECK(left(machine, source) == 50min);
}
