// The only file that includes CLI11, which takes its time to compile.
//
// Its own help is not used: help and completion are made from the same descriptions as the parser (help.cpp,
// completion.cpp).
#include "cli/arguments.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/errors.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

/// CLI11 would take "-5" for 18446744073709551611 and "010" for 8.
/// As text, by our own rule.
CLI::Option* add_count(CLI::App& app, const Argument& argument, std::optional<std::uint64_t>* target) {
  return app.add_option_function<std::string>(argument.names, [target, &argument](const std::string& text) {
    *target = parse_count(text);
    if (!*target) throw CLI::ValidationError(argument.names, "\"" + text + "\" is not a number");
  });
}

void add_argument(CLI::App& app, const Argument& argument) {
  CLI::Option* option = nullptr;
  if (auto* flag = std::get_if<bool*>(&argument.target)) {
    option = app.add_flag(argument.names, **flag);
  } else if (auto* count = std::get_if<std::optional<std::uint64_t>*>(&argument.target)) {
    option = add_count(app, argument, *count);
  } else if (auto* text = std::get_if<std::string*>(&argument.target)) {
    option = app.add_option(argument.names, **text);
  } else if (auto* maybe = std::get_if<std::optional<std::string>*>(&argument.target)) {
    option = app.add_option(argument.names, **maybe);
  } else {
    option = app.add_option(argument.names, *std::get<std::vector<std::string>*>(argument.target));
  }
  option->required(argument.required);
  // The option wins over the variable, which wins over the default.
  if (argument.names == "--store") option->envname("LASTGOOD_STORE");
}

const Command* chosen_command(const CLI::App& app, std::span<const Command> commands) {
  const auto chosen = app.get_subcommands();
  if (chosen.empty()) return nullptr;
  const auto same = [&](const Command& command) { return command.name == chosen.front()->get_name(); };
  return &*std::find_if(commands.begin(), commands.end(), same);
}

std::string way_out(const Command* command) {
  return command == nullptr ? "see `lastgood --help`" : "see `lastgood " + command->name + " --help`";
}

/// CLI11 names the program in front of some messages and speaks of arguments where a command is meant.
std::string message_of(const CLI::ParseError& error, const CLI::App& app, const Command* command) {
  if (command == nullptr && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    return "there is no such command or option: " + app.remaining(true).front();
  }
  std::string message = error.what();
  const std::string program = app.get_name() + ": ";
  if (message.rfind(program, 0) == 0) message.erase(0, program.size());
  return message;
}

}  // namespace

Invocation parse_arguments(int argc, const char* const* argv, std::span<const Command> commands,
                           std::span<const Argument> globals) {
  CLI::App app("", "lastgood");
  bool version = false;
  // Global options may stand behind the command's name as well.
  app.fallthrough();
  app.require_subcommand(0, 1);
  app.add_flag("--version", version);
  for (const Argument& argument : globals) add_argument(app, argument);
  for (const Command& command : commands) {
    CLI::App* subcommand = app.add_subcommand(command.name);
    for (const Argument& argument : command.arguments) add_argument(*subcommand, argument);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return {Invocation::Kind::help, chosen_command(app, commands)};
  } catch (const CLI::ParseError& error) {
    const Command* command = chosen_command(app, commands);
    throw UsageError(message_of(error, app, command) + "; " + way_out(command));
  }
  if (version) return {Invocation::Kind::version, nullptr};
  const Command* command = chosen_command(app, commands);
  if (command == nullptr) throw UsageError("a command is missing; " + way_out(nullptr));
  return {Invocation::Kind::run, command};
}

// Before parsing and without it: what cannot be parsed must still fail as JSON.
bool asks_for_json(int argc, const char* const* argv) {
  return std::any_of(argv + 1, argv + std::max(argc, 1), [](std::string_view word) { return word == "--json"; });
}

}  // namespace lastgood::cli
