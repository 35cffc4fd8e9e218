// Help is generated from what the parser is generated from, so that no option can be missing in one of them. The
// parser's own help is not used: it knows neither examples nor exit codes.
#include "cli/help.h"

#include <algorithm>
#include <iterator>

namespace lastgood::cli {

namespace {

constexpr std::size_t kNameColumns = 22;
constexpr std::size_t kLineColumns = 100;

constexpr const char* kCheckpointNames =
    "A CHECKPOINT is named by its id (17), a tag, head, latest, last-stable or step:4100, each with\n"
    "~N for its N-th ancestor (head~2). Names other than ids and tags mean those of --run, or of the\n"
    "only run there is.\n";

/// A name that is too long gets a line of its own.
void add_row(std::string& text, const std::string& name, const std::string& help) {
  text += "  " + name;
  if (name.size() + 2 > kNameColumns) {
    text += "\n" + std::string(kNameColumns + 2, ' ');
  } else {
    text += std::string(kNameColumns - name.size(), ' ');
  }
  text += help + "\n";
}

std::string shown_names(const Argument& argument) {
  std::string names = argument.names;
  if (const auto comma = names.find(','); comma != std::string::npos) names.insert(comma + 1, " ");
  return argument.placeholder.empty() ? names : names + " " + argument.placeholder;
}

std::string usage_of(const Command& command) {
  std::string usage = "lastgood " + command.name;
  for (const Argument& argument : command.arguments) {
    if (!argument.positional()) continue;
    std::string word = argument.names;
    if (std::holds_alternative<std::vector<std::string>*>(argument.target)) word += "...";
    usage += argument.required ? " " + word : " [" + word + "]";
  }
  return usage + " [options]";
}

void add_options(std::string& text, std::span<const Argument> arguments) {
  for (const Argument& argument : arguments) {
    if (!argument.positional()) add_row(text, shown_names(argument), argument.help);
  }
}

void add_exit_codes(std::string& text) {
  text += "\nExit codes:\n ";
  std::size_t column = 1;
  for (const ExitMeaning& exit : kExitMeanings) {
    const bool last = &exit == std::end(kExitMeanings) - 1;
    const std::string word = " " + std::to_string(static_cast<int>(exit.code)) + " " + exit.meaning + (last ? "" : ",");
    if (column + word.size() > kLineColumns) {
      text += "\n ";
      column = 1;
    }
    text += word;
    column += word.size();
  }
  text += "\n";
}

void add_explained_exit_codes(std::string& text) {
  text += "\nExit codes:\n";
  for (const ExitMeaning& exit : kExitMeanings) {
    add_row(text, std::to_string(static_cast<int>(exit.code)) + " " + exit.meaning, exit.explanation);
  }
}

bool names_checkpoints(const Command& command) {
  return std::any_of(command.arguments.begin(), command.arguments.end(),
                     [](const Argument& argument) { return argument.offer == Offer::checkpoint; });
}

}  // namespace

std::string help_for_all(std::span<const Command> commands, std::span<const Argument> globals) {
  std::string text =
      "lastgood - keeps the checkpoints of a training run, so that there is always a good one to go back to\n\n"
      "Usage: lastgood COMMAND [options]\n\nCommands:\n";
  for (const Command& command : commands) {
    if (!command.hidden) add_row(text, command.name, command.summary);
  }
  text += "\nOptions of every command:\n";
  add_options(text, globals);
  add_row(text, "-h, --help", "this help, or that of a command");
  add_row(text, "--version", "the version");
  text += "\n";
  text += kCheckpointNames;
  text += "\nExamples:\n  lastgood list -n 10\n  lastgood --store runs/gpt2 verify\n  lastgood rollback last-stable\n";
  add_explained_exit_codes(text);
  return text;
}

std::string help_for(const Command& command, std::span<const Argument> globals) {
  std::string text = "lastgood " + command.name + " - " + command.summary + "\n\nUsage: " + usage_of(command) + "\n";
  if (!command.details.empty()) text += "\n" + command.details + "\n";
  if (names_checkpoints(command)) text += std::string("\n") + kCheckpointNames;
  text += "\nOptions:\n";
  for (const Argument& argument : command.arguments) {
    if (argument.positional()) add_row(text, argument.names, argument.help);
  }
  add_options(text, command.arguments);
  add_options(text, arguments_for(command, globals));
  add_row(text, "-h, --help", "this help");
  text += command.examples.size() == 1 ? "\nExample:\n" : "\nExamples:\n";
  for (const std::string& example : command.examples) text += "  " + example + "\n";
  add_exit_codes(text);
  return text;
}

}  // namespace lastgood::cli
