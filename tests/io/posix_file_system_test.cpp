// What only the machine's own file system can show: real processes, permissions, devices.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "store/io/file_system.h"
#include "store/io/posix_file.h"
#include "store/io/system_call.h"
#include "tests/support/bytes.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

namespace {

// Runs once, in the moment between the opening of a lock file and its locking, which no test could hit otherwise.
std::function<void()> before_next_flock;

}  // namespace

/// Stands in for the C library's.
extern "C" int flock(int fd, int operation) noexcept {
  if (const auto hook = std::exchange(before_next_flock, nullptr)) hook();
  return static_cast<int>(::syscall(SYS_flock, fd, operation));
}

namespace lastgood::io {
namespace {

using test::bytes_of;
using test::TemporaryDirectory;
using test::thrown_by;

/// A forked process that runs `body`, says so, and then lives until it is told to end, or is killed.
class Child {
 public:
  template <class Body>
  explicit Child(Body body) {
    if (::pipe(ready_) != 0 || ::pipe(end_) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ != 0) {
      char ok = 0;
      ran_ = ::read(ready_[0], &ok, 1) == 1 && ok == 'y';
      return;
    }
    const char ok = body() ? 'y' : 'n';
    char byte = 0;
    if (::write(ready_[1], &ok, 1) != 1 || ::read(end_[0], &byte, 1) < 0) ::_exit(2);
    ::_exit(0);
  }
  ~Child() {
    kill();
    for (const int fd : {ready_[0], ready_[1], end_[0], end_[1]}) ::close(fd);
  }
  bool ran() const { return ran_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  int ready_[2];
  int end_[2];
  pid_t pid_ = 0;
  bool ran_ = false;
};

TEST_CASE("a lock is held by another process until that dies") {
  const TemporaryDirectory directory;
  std::unique_ptr<FileLock> in_child;
  Child child([&] {
    in_child = posix_file_system().try_lock(directory / "lock", LockMode::exclusive);
    in_child->write_note("the child");
    return true;
  });
  REQUIRE(child.ran());
  REQUIRE(posix_file_system().try_lock(directory / "lock", LockMode::exclusive) == nullptr);
  REQUIRE(posix_file_system().lock_note(directory / "lock") == "the child");
  child.kill();
  REQUIRE(posix_file_system().try_lock(directory / "lock", LockMode::exclusive) != nullptr);
}

TEST_CASE("a released lock is free though a forked child still has its descriptor") {
  const TemporaryDirectory directory;
  auto lock = posix_file_system().try_lock(directory / "lock", LockMode::exclusive);
  const Child child([] { return true; });
  REQUIRE(child.ran());
  lock.reset();
  REQUIRE(posix_file_system().try_lock(directory / "lock", LockMode::exclusive) != nullptr);
}

TEST_CASE("a forked child that drops its copy of a lock does not free it") {
  const TemporaryDirectory directory;
  auto lock = posix_file_system().try_lock(directory / "lock", LockMode::exclusive);
  const Child child([&] {
    lock.reset();
    return true;
  });
  REQUIRE(child.ran());
  REQUIRE(posix_file_system().try_lock(directory / "lock", LockMode::exclusive) == nullptr);
}

TEST_CASE("a lock file that goes between its opening and its locking is locked anew") {
  const TemporaryDirectory directory;
  before_next_flock = [&] { posix_file_system().unlink(directory / "lock"); };
  const auto lock = posix_file_system().try_lock(directory / "lock", LockMode::exclusive);
  REQUIRE(lock != nullptr);
  REQUIRE(posix_file_system().info(directory / "lock").has_value());
  REQUIRE(posix_file_system().try_lock(directory / "lock", LockMode::exclusive) == nullptr);
}

TEST_CASE("a lock file that another replaced and locked in the meantime is busy") {
  const TemporaryDirectory directory;
  std::unique_ptr<FileLock> others;
  before_next_flock = [&] {
    posix_file_system().unlink(directory / "lock");
    others = posix_file_system().try_lock(directory / "lock", LockMode::exclusive);
  };
  REQUIRE(posix_file_system().try_lock(directory / "lock", LockMode::exclusive) == nullptr);
  REQUIRE(others != nullptr);
}

/// Takes root's rights away for a while; without effect for other users.
class Unprivileged {
 public:
  Unprivileged() : changed_(::geteuid() == 0 && ::seteuid(65534) == 0) {}
  ~Unprivileged() {
    if (changed_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool changed_;
};

TEST_CASE("what is not permitted is a permission error that names the path") {
  const TemporaryDirectory directory;
  posix_file_system().create(directory / "f");
  ::chmod((directory / "f").c_str(), 0400);
  ::chmod(directory.path().c_str(), 0500);
  {
    const Unprivileged user;
    if (::geteuid() == 0) {
      WARN("cannot give up root's rights here");
      return;
    }
    for (const Error& error : {thrown_by([&] { posix_file_system().create(directory / "new"); }),
                               thrown_by([&] { posix_file_system().open(directory / "f", true); }),
                               thrown_by([&] { posix_file_system().make_directory(directory / "d"); }),
                               thrown_by([&] { posix_file_system().unlink(directory / "f"); }),
                               thrown_by([&] { posix_file_system().try_lock(directory / "l", LockMode::shared); })}) {
      CAPTURE(error.what());
      REQUIRE(error.code() == ErrorCode::permission);
      REQUIRE(error.os_error() == EACCES);
      REQUIRE_THAT(error.what(), Catch::Contains(directory.path().string()) && Catch::Contains("owner and mode"));
    }
  }
  ::chmod(directory.path().c_str(), 0700);
}

TEST_CASE("a full device is no_space") {
  PosixFile file(UniqueFd(::open("/dev/full", O_RDWR | O_CLOEXEC)), "/dev/full");
  const Error error = thrown_by([&] { file.write_some(0, bytes_of("x")); });
  REQUIRE(error.code() == ErrorCode::no_space);
  REQUIRE(error.os_error() == ENOSPC);
  REQUIRE_THAT(error.what(), Catch::Contains("free space"));
}

TEST_CASE("a failed sync, read, size or hole is reported, a failed hint is not") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const UniqueFd writing(ends[1]);
  PosixFile pipe(UniqueFd{ends[0]}, "a pipe");
  test::Bytes out(1);
  REQUIRE(thrown_by([&] { pipe.sync_data(); }).code() == ErrorCode::io);
  REQUIRE(thrown_by([&] { pipe.read_some(0, out); }).os_error() == ESPIPE);
  REQUIRE(thrown_by([&] { pipe.write_some(0, out); }).code() == ErrorCode::io);
  pipe.start_writeback(0, 1);
  PosixFile closed(UniqueFd(), "nothing");
  REQUIRE(thrown_by([&] { closed.size(); }).os_error() == EBADF);
  REQUIRE(thrown_by([&] { closed.allocated_bytes(); }).os_error() == EBADF);
  REQUIRE(thrown_by([&] { closed.punch_hole(0, 1); }).os_error() == EBADF);
}

TEST_CASE("a file system without holes says so and changes nothing") {
  const auto file = posix_file_system().open("/proc/self/comm", true);
  REQUIRE(file != nullptr);
  REQUIRE_FALSE(file->punch_hole(0, 4096));
}

TEST_CASE("a pipe under a file's name is an error and does not block") {
  const TemporaryDirectory directory;
  REQUIRE(::mkfifo((directory / "f").c_str(), 0600) == 0);
  REQUIRE(thrown_by([&] { posix_file_system().open(directory / "f", false); }).os_error() == ESPIPE);
}

TEST_CASE("files and locks do not pass to programs that are executed") {
  const TemporaryDirectory directory;
  const auto file = posix_file_system().create(directory / "f");
  const auto lock = posix_file_system().try_lock(directory / "lock", LockMode::shared);
  const std::string command = "! ls -l /proc/self/fd | grep -q '" + directory.path().string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
}

TEST_CASE("the temporary directory and procfs are local, and a missing path is an error") {
  REQUIRE(posix_file_system().is_local("/proc"));
  REQUIRE(posix_file_system().sqlite_vfs() == nullptr);
  const TemporaryDirectory directory;
  REQUIRE(thrown_by([&] { posix_file_system().is_local(directory / "none"); }).os_error() == ENOENT);
  REQUIRE(thrown_by([&] { posix_file_system().block_bytes(directory / "none"); }).os_error() == ENOENT);
}

TEST_CASE("each errno becomes the code that the contract names") {
  const auto code = [](int error) { return errno_error(error, "write", "/p").code(); };
  for (const int error : {ENOSPC, EDQUOT}) REQUIRE(code(error) == ErrorCode::no_space);
  for (const int error : {EACCES, EPERM, EROFS}) REQUIRE(code(error) == ErrorCode::permission);
  for (const int error : {EIO, ENOENT, EMFILE, ESTALE, EINVAL, ENOLCK}) REQUIRE(code(error) == ErrorCode::io);
  REQUIRE(std::string(errno_error(EIO, "sync", "/p").what()) ==
          "cannot sync /p: Input/output error; the disk or its connection failed; look into the kernel's log, and do "
          "not trust the file");
}

TEST_CASE("an interrupted call is made again, any other failure is not") {
  int calls = 0;
  const auto interrupted_twice = [&]() -> int {
    errno = EINTR;
    return ++calls < 3 ? -1 : 5;
  };
  REQUIRE(retry_interrupted(interrupted_twice) == 5);
  const auto failing = [&]() -> int {
    errno = EIO;
    return ++calls, -1;
  };
  REQUIRE(retry_interrupted(failing) == -1);
  REQUIRE(calls == 4);
}

TEST_CASE("a moved descriptor has one owner, and is closed at its end") {
  int number = -1;
  {
    UniqueFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = one.get();
    UniqueFd two(std::move(one));
    REQUIRE(two.get() == number);
    UniqueFd three;
    REQUIRE_FALSE(three);
    three = std::move(two);
    REQUIRE(::fcntl(number, F_GETFD) != -1);
  }
  REQUIRE(::fcntl(number, F_GETFD) == -1);
}

}  // namespace
}  // namespace lastgood::io
