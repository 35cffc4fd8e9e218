// How the command fails: which exit code an error leads to, and what is printed.
#pragma once

#include <stdexcept>
#include <string>

#include <lastgood/error.h>

#include "cli/exit_codes.h"

namespace lastgood::cli {

struct Context;

/// The command line makes no sense. The message ends with the way out.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An error whose exit code depends on where it was met, not on its code alone.
class ExitError : public Error {
 public:
  ExitError(ExitCode exit, const Error& error) : Error(error), exit_(exit) {}
  ExitCode exit() const noexcept { return exit_; }

 private:
  ExitCode exit_;
};

/// Prints the exception that is being handled on standard error, as JSON on standard output too if that is asked for:
/// {"schema":1,"error":{"code","subject","message"}}. Call it within a catch clause.
ExitCode report_current_exception(Context& context);

}  // namespace lastgood::cli
