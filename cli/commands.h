// The subcommands, one file each: every function describes one, and the file's top says which JSON it prints. To add
// one: a file, its line here, and its place in all_commands(), which is its place in the help.
#pragma once

#include "cli/command.h"

namespace lastgood::cli {

Command list_command();
Command show_command();
Command log_command();
Command runs_command();
Command sessions_command();
Command watch_command();
Command health_command();
Command events_command();
Command recoveries_command();
Command stats_command();
Command verify_command();
Command doctor_command();
Command rollback_command();
Command tag_command();
Command pin_command();
Command unpin_command();
Command forget_command();
Command gc_command();
Command rebuild_command();
Command export_command();
Command import_command();
Command version_command();
Command completion_command();
Command help_command();
Command names_command();

}  // namespace lastgood::cli
