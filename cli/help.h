// The help texts, made from the commands' descriptions.
#pragma once

#include <span>
#include <string>

#include "cli/command.h"

namespace lastgood::cli {

/// What `lastgood --help` prints.
std::string help_for_all(std::span<const Command> commands, std::span<const Argument> globals);

/// What `lastgood COMMAND --help` prints.
std::string help_for(const Command& command, std::span<const Argument> globals);

}  // namespace lastgood::cli
