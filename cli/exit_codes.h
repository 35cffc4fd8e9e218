// The exit codes of the command: an interface that scripts rely on. Only ever extended. 0 to 3 are the usual ones, from
// 10 on the store's, 130 is what shells give for Ctrl-C (128 + SIGINT).
//
// Every command that opens a store may end with 10, 11, 12 or 20 (a catalog that reads wrong on the way), and with 1
// for a run or a checkpoint that is not there. What a command ends with besides is said on top of its file.
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

/// What each code means, in the words of the help: in short for each command, at length for the whole.
struct ExitMeaning {
  ExitCode code;
  const char* meaning;
  const char* explanation;
};

inline constexpr ExitMeaning kExitMeanings[] = {
    {ExitCode::ok, "ok", "done; nothing is wrong"},
    {ExitCode::error, "error", "it failed; the message says why and what to do"},
    {ExitCode::usage, "usage", "the command line makes no sense; nothing was opened"},
    {ExitCode::partly_done, "partly done", "some of it was done, and the message says what: pin, unpin, gc, rebuild"},
    {ExitCode::no_store, "no store", "nothing there, or a folder that is no store"},
    {ExitCode::busy, "busy", "another process holds what is needed; try again later"},
    {ExitCode::unsupported, "unsupported", "a store of a newer version, or a file system without locks"},
    {ExitCode::damage_found, "damage found", "by verify, or in the catalog on the way"},
    {ExitCode::interrupted, "interrupted", "by Ctrl-C or a signal, at a safe point"},
};

}  // namespace lastgood::cli
