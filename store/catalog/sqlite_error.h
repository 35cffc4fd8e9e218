// What a failure of SQLite means for the user: the one place where its codes become an Error.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lastgood::catalog {

/// As SQLite told it, before any judgement. `doing` is the statement, for a bug's message.
struct SqliteFailure {
  std::filesystem::path file;
  int code = 0;          // extended
  int system_error = 0;  // the errno behind it, 0 where there is none
  std::string message;
  std::string_view doing;
};

/// Throws BusyError or Error; see the table in the .cpp.
[[noreturn]] void throw_sqlite_error(const SqliteFailure& failure);

}  // namespace lastgood::catalog
