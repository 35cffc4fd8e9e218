#include "tests/catalog/raw_database.h"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace lastgood::test {
namespace {

int wait_for(int pid) {
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) throw std::runtime_error("waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// The child's whole life. It must not return into the tests.
[[noreturn]] void hold(const std::filesystem::path& file, const std::string& sql, int ready, int wake) {
  try {
    RawDatabase database(file);
    database.execute(sql);
    char byte = 'r';
    if (::write(ready, &byte, 1) == 1) static_cast<void>(::read(wake, &byte, 1));
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace

RawDatabase::RawDatabase(const std::filesystem::path& file) {
  if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error("cannot open " + file.string());
}

RawDatabase::~RawDatabase() {
  sqlite3_close(handle_);
}

void RawDatabase::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw std::runtime_error(std::string(sqlite3_errmsg(handle_)) + " in " + sql);
  }
}

void RawDatabase::flush() {
  if (sqlite3_db_cacheflush(handle_) != SQLITE_OK) throw std::runtime_error("cannot flush");
}

OtherProcess::OtherProcess(const std::filesystem::path& file, const std::string& sql) {
  int ready[2], wake[2];
  if (::pipe(ready) != 0 || ::pipe(wake) != 0) throw std::runtime_error("pipe");
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(wake[1]);
    ::close(ready[0]);
    hold(file, sql, ready[1], wake[0]);
  }
  ::close(ready[1]);
  ::close(wake[0]);
  wake_ = wake[1];
  char byte = 0;
  const bool is_ready = ::read(ready[0], &byte, 1) == 1;
  ::close(ready[0]);
  if (!is_ready) {
    end();
    throw std::runtime_error("the other process could not run " + sql);
  }
}

OtherProcess::~OtherProcess() {
  end();
}

void OtherProcess::end() {
  if (wake_ < 0) return;
  ::close(std::exchange(wake_, -1));
  int status = 0;
  ::waitpid(pid_, &status, 0);
}

int run_without_rights(const std::function<int()>& body) {
  const int pid = ::fork();
  if (pid == 0) {
    constexpr unsigned kNobody = 65534;
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) ::_exit(101);
    try {
      ::_exit(body());
    } catch (const std::exception&) {
      ::_exit(100);
    }
  }
  return wait_for(pid);
}

}  // namespace lastgood::test
