// What a subcommand is made of: its words, its options and the function that runs it. Help, parsing and completion are
// all derived from this one description, so that they cannot disagree.
//
// Targets point into options that the command's `run` holds.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/context.h"
#include "cli/exit_codes.h"

namespace lastgood::cli {

/// Where the parsed value goes. A bool makes a flag; a vector takes every positional argument that is left.
using Target = std::variant<bool*, std::string*, std::optional<std::string>*, std::optional<std::uint64_t>*,
                            std::vector<std::string>*>;

/// What the shell may offer in place of the value. For completion alone: no word is refused by it.
enum class Offer { nothing, directory, file, run, checkpoint, tag, shell, command };

/// `names`, `target` and `required` are for the parser, the rest for help and completion.
struct Argument {
  std::string names = {};        // "-n,--limit", or "CHECKPOINT" for a positional one
  std::string placeholder = {};  // "N" for options that take a value; empty for flags and positional ones
  std::string help = {};
  Target target = {};
  bool required = false;
  Offer offer = Offer::nothing;

  bool positional() const noexcept { return names.front() != '-'; }
  bool takes_value() const noexcept { return !std::holds_alternative<bool*>(target); }
};

/// `run` throws UsageError, ExitError or Error for what fails, and returns a code for what it found; main.cpp turns the
/// former into a code as well. A command's file says on top what it prints, its flags, its JSON and its exit codes;
/// `details` says it to users.
struct Command {
  std::string name = {};
  std::string summary = {};  // one line, for the list of commands
  std::string details = {};  // what a user should know before the first use; lines of at most 100 columns
  std::vector<Argument> arguments = {};
  std::vector<std::string> examples = {};  // "lastgood list -n 10"
  std::function<ExitCode(Context&)> run = {};
  bool hidden = false;    // for the shell's completion, not for people
  bool takes_run = true;  // false: --run would say nothing here, and is refused
};

/// The options that every command takes, but for --run: see Command::takes_run.
std::vector<Argument> global_arguments(Context& context);
/// Those of them that mean something to this command.
std::vector<Argument> arguments_for(const Command& command, std::span<const Argument> globals);

/// All commands, in the order of the help. Their options' values live as long as any copy of the command.
std::vector<Command> all_commands();

}  // namespace lastgood::cli
