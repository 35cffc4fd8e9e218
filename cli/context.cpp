// The store is opened by each command itself, and for reading only wherever that will do: a command that looks must
// work on a store that one may not write, must not wait for a lock, and must leave no trace.
#include "cli/context.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <lastgood/history.h>

#include "cli/errors.h"
#include "cli/text.h"

namespace lastgood::cli {

namespace {

constexpr std::size_t kRunsNamed = 5;

StoreOptions store_options(std::chrono::milliseconds busy_timeout) {
  return {.busy_timeout = busy_timeout,
          .on_warning = [](const std::string& warning) { print_diagnostic("warning: " + warning); }};
}

/// A missing store has an exit code of its own, for scripts that would make one then.
template <class Opener>
Store open_with(Opener opener, const std::string& directory,
                std::chrono::milliseconds busy_timeout = Context::kBusyTimeout) {
  try {
    return opener(directory, store_options(busy_timeout));
  } catch (const Error& error) {
    // Only here does not_found mean the store itself; later it is a checkpoint, a run or a tag.
    if (error.code() != ErrorCode::not_found) throw;
    throw ExitError(ExitCode::no_store, error);
  }
}

}  // namespace

bool Context::color() const {
  const char* refusal = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  // $NO_COLOR as no-color.org has it: any value that is not empty.
  return !no_color && !json && (refusal == nullptr || *refusal == '\0') && !dumb && isatty(STDOUT_FILENO) == 1;
}

Store Context::open_read_only(std::chrono::milliseconds busy_timeout) const {
  return open_with(Store::open_read_only, store, busy_timeout);
}

Store Context::open() const {
  return open_with(Store::open, store);
}

Store Context::open_or_create() const {
  return open_with(Store::open_or_create, store);
}

void Context::hint(std::string_view text) const {
  if (!quiet) print_diagnostic(text);
}

void print_diagnostic(std::string_view text) {
  const std::string line = "lastgood: " + escape_lines(text) + "\n";
  // In one piece, so that lines of several processes hardly mix. Of a failure, nobody is left to be told.
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void require_run(const Store& store, const std::optional<std::string>& run) {
  if (!run) return;
  const std::vector<RunInfo> runs = list_runs(store);
  if (std::any_of(runs.begin(), runs.end(), [&](const RunInfo& known) { return known.name == *run; })) return;
  std::string known;
  for (std::size_t i = 0; i < std::min(runs.size(), kRunsNamed); ++i) known += (i ? ", " : "") + runs[i].name;
  if (runs.size() > kRunsNamed) known += " and " + std::to_string(runs.size() - kRunsNamed) + " more";
  throw Error(ErrorCode::not_found, *run,
              "there is no run \"" + *run + "\" in this store; " +
                  (known.empty() ? "it has no runs yet" : "its runs are: " + known + " (see `lastgood runs`)"));
}

void require_session(const Store& store, const std::optional<SessionId>& session,
                     const std::optional<std::string>& run) {
  if (!session) return;
  const std::vector<SessionInfo> sessions = list_sessions(store, run);
  if (std::any_of(sessions.begin(), sessions.end(), [&](const auto& known) { return known.id == *session; })) return;
  const std::string id = std::to_string(session->value);
  throw Error(ErrorCode::not_found, id,
              "there is no session " + id + (run ? " of run \"" + *run + "\"" : std::string()) +
                  " in this store; `lastgood sessions` lists those that there are");
}

}  // namespace lastgood::cli
