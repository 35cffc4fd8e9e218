// The command `lastgood`: parses, runs one subcommand, and turns what was thrown into a message and an exit code.
#include <signal.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/help.h"
#include "cli/text.h"

namespace lastgood::cli {

namespace {

ExitCode run(int argc, const char* const* argv, Context& context) {
  const std::vector<Command> commands = all_commands();
  const std::vector<Argument> globals = global_arguments(context);
  const Invocation invocation = parse_arguments(argc, argv, commands, globals);
  switch (invocation.kind) {
    case Invocation::Kind::help:
      context.out.write(invocation.command == nullptr ? help_for_all(commands, globals)
                                                      : help_for(*invocation.command, globals));
      return ExitCode::ok;
    case Invocation::Kind::version: return version_command().run(context);
    case Invocation::Kind::run: break;
  }
  // Ignored, it would let a user believe that only that run is counted, or rebuilt.
  if (context.run && !invocation.command->takes_run) {
    const std::string& name = invocation.command->name;
    throw UsageError(name + " takes no --run: it is not about a single run; see `lastgood " + name + " --help`");
  }
  return invocation.command->run(context);
}

ExitCode run_and_report(int argc, const char* const* argv) {
  Context context;
  // Before parsing, which may fail: who asked for JSON gets its failure as JSON, too.
  context.json = asks_for_json(argc, argv);
  ExitCode exit = ExitCode::ok;
  try {
    exit = run(argc, argv, context);
  } catch (...) {
    exit = report_current_exception(context);
  }
  try {
    // A report that could not be written in whole must not end with 0.
    context.out.finish();
  } catch (...) {
    const ExitCode unwritten = report_current_exception(context);
    if (exit == ExitCode::ok) exit = unwritten;
  }
  return exit;
}

}  // namespace

}  // namespace lastgood::cli

int main(int argc, char** argv) {
  // A reader that goes away must not kill a collection half way: the failed write is noticed instead.
  signal(SIGPIPE, SIG_IGN);
  lastgood::cli::set_text_locale();
  return static_cast<int>(lastgood::cli::run_and_report(argc, argv));
}
