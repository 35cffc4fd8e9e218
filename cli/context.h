// What every command knows: the global options, where its data goes, and how a store is opened. One per process, for
// one thread; only on_warning of the stores that it opens may be called from others.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <lastgood/checkpoint.h>
#include <lastgood/store.h>

#include "cli/output.h"

namespace lastgood::cli {

struct Context {
  std::string store = "lastgood-store";
  std::optional<std::string> run;
  bool json = false;
  bool quiet = false;
  bool no_color = false;
  Output out;

  /// True where standard output is a terminal that shows colours and nobody objects.
  bool color() const;

  /// A person waits for the answer, and another process holds the catalog for moments only.
  static constexpr std::chrono::milliseconds kBusyTimeout{5'000};

  /// Errors: ExitError(no_store) where there is no store; else those of Store. Takes no lock and leaves no trace, so it
  /// also works where one may not write. What a trainer has not written yet is not seen.
  Store open_read_only(std::chrono::milliseconds busy_timeout = kBusyTimeout) const;
  Store open() const;
  /// The same, but a store is made where there is none.
  Store open_or_create() const;

  /// A line on standard error, for people; none with --quiet.
  void hint(std::string_view text) const;
};

/// A line on standard error: "lastgood: text". Control characters in it are escaped.
void print_diagnostic(std::string_view text);

/// Error: not_found, naming the runs there are, if the store has no run of this name.
void require_run(const Store& store, const std::optional<std::string>& run);
/// Error: not_found if the store, or the run, has no such session.
void require_session(const Store& store, const std::optional<SessionId>& session,
                     const std::optional<std::string>& run);

}  // namespace lastgood::cli
