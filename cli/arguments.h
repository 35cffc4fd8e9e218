// From the words of the command line to a command and its options' values. Opens no store and prints nothing.
#pragma once

#include <span>

#include "cli/command.h"

namespace lastgood::cli {

/// What the command line asks for.
struct Invocation {
  enum class Kind { run, help, version };
  Kind kind = Kind::run;
  const Command* command = nullptr;  // nothing: help for the whole
};

/// Writes the values into the targets of `commands` and of `globals`; global options may stand before or after the
/// command's name. Errors: UsageError.
Invocation parse_arguments(int argc, const char* const* argv, std::span<const Command> commands,
                           std::span<const Argument> globals);

/// True if the words ask for JSON, also where they make no sense otherwise.
bool asks_for_json(int argc, const char* const* argv);

}  // namespace lastgood::cli
