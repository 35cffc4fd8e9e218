#include "cli/commands.h"

namespace lastgood::cli {

std::vector<Argument> global_arguments(Context& context) {
  return {
      {.names = "--store",
       .placeholder = "DIR",
       .help = "the store; default: $LASTGOOD_STORE, then ./lastgood-store",
       .target = &context.store,
       .offer = Offer::directory},
      {.names = "--run",
       .placeholder = "NAME",
       .help = "the run that is meant, where there are several",
       .target = &context.run,
       .offer = Offer::run},
      {.names = "--json", .help = "print JSON, \"schema\": 1, only ever extended", .target = &context.json},
      {.names = "--quiet", .help = "no progress, no hints", .target = &context.quiet},
      {.names = "--no-color", .help = "no colour; so does a non-empty $NO_COLOR", .target = &context.no_color},
  };
}

std::vector<Argument> arguments_for(const Command& command, std::span<const Argument> globals) {
  std::vector<Argument> taken;
  for (const Argument& argument : globals) {
    if (command.takes_run || argument.names != "--run") taken.push_back(argument);
  }
  return taken;
}

std::vector<Command> all_commands() {
  return {list_command(),   show_command(),    log_command(),        runs_command(),       sessions_command(),
          watch_command(),  health_command(),  events_command(),     recoveries_command(), stats_command(),
          verify_command(), doctor_command(),  rollback_command(),   tag_command(),        pin_command(),
          unpin_command(),  forget_command(),  gc_command(),         rebuild_command(),    export_command(),
          import_command(), version_command(), completion_command(), help_command(),       names_command()};
}

}  // namespace lastgood::cli
