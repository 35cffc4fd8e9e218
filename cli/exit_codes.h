// The exit codes of the command: an interface that scripts rely on. Only ever extended.
#pragma once

namespace lastgood::cli {

enum class ExitCode : int {
  ok = 0,
  error = 1,
  usage = 2,
  partly_done = 3,
  no_store = 10,
  busy = 11,
  unsupported = 12,
  damage_found = 20,
  interrupted = 130,
};

/// What each code means, in the words of the help.
struct ExitMeaning {
  ExitCode code;
  const char* meaning;
};

inline constexpr ExitMeaning kExitMeanings[] = {
    {ExitCode::ok, "ok"},
    {ExitCode::error, "error"},
    {ExitCode::usage, "usage"},
    {ExitCode::partly_done, "partly done"},
    {ExitCode::no_store, "no store there"},
    {ExitCode::busy, "busy: another process holds it"},
    {ExitCode::unsupported, "unsupported version or file system"},
    {ExitCode::damage_found, "damage found"},
    {ExitCode::interrupted, "interrupted"},
};

}  // namespace lastgood::cli
