// SQLite past the library: what another program does to a catalog.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

struct sqlite3;

namespace lastgood::test {

/// A plain connection; throws std::runtime_error on any failure.
class RawDatabase {
 public:
  explicit RawDatabase(const std::filesystem::path& file);
  ~RawDatabase();
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;
  void execute(const std::string& sql);
  /// Writes changes of the open transaction to the file, as a full cache does: the journal is hot from then on.
  void flush();

 private:
  sqlite3* handle_ = nullptr;
};

/// A child process that opens the database, runs the statements, and keeps the connection until it is told to end.
class OtherProcess {
 public:
  /// Returns when the child has run them.
  OtherProcess(const std::filesystem::path& file, const std::string& sql);
  ~OtherProcess();
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;
  void end();
  int pid() const noexcept { return pid_; }

 private:
  int pid_ = -1;
  int wake_ = -1;  // the child ends when this end of its pipe is closed
};

/// Runs `body` in a child process of a user without rights (only root can); its exit status, 100 after an exception.
int run_without_rights(const std::function<int()>& body);

}  // namespace lastgood::test
