// lastgood help: the same texts as --help, for those who look for a command first.
// JSON: {"schema":1,"help":text}
//
// Opens no store. Exit codes: 0, or 2 for a command that there is not.
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/help.h"
#include "cli/json.h"

namespace lastgood::cli {

namespace {

std::string help_on(const std::optional<std::string>& name) {
  // Only the options' names and texts count here, not where their values go.
  Context nowhere;
  const std::vector<Command> commands = all_commands();
  const std::vector<Argument> globals = global_arguments(nowhere);
  if (!name) return help_for_all(commands, globals);
  const auto named = [&](const Command& command) { return command.name == *name; };
  const auto found = std::find_if(commands.begin(), commands.end(), named);
  if (found == commands.end()) throw UsageError("there is no such command: " + *name + "; see `lastgood --help`");
  return help_for(*found, globals);
}

ExitCode print_help(Context& context, const std::optional<std::string>& name) {
  const std::string help = help_on(name);
  if (context.json) {
    Json document = new_document();
    document["help"] = help;
    print(context.out, document);
  } else {
    context.out.write(help);
  }
  return ExitCode::ok;
}

}  // namespace

Command help_command() {
  const auto name = std::make_shared<std::optional<std::string>>();
  return {.name = "help",
          .summary = "this help, or that of a command",
          .details = "",
          .arguments = {{.names = "COMMAND", .help = "which one", .target = name.get(), .offer = Offer::command}},
          .examples = {"lastgood help", "lastgood help list"},
          .run = [name](Context& context) { return print_help(context, *name); },
          .takes_run = false};
}

}  // namespace lastgood::cli
