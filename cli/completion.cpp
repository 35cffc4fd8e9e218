// lastgood completion bash: the script that makes the shell complete commands, options and names. It is generated from
// the commands' descriptions, and asks the hidden command `names` for what is in the store.
//
// JSON: {"schema":1,"shell","script"}. Opens no store. Exit codes: 0, or 2 for another shell.
#include <memory>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"

namespace lastgood::cli {

namespace {

// Names come from the store, so they are never given to compgen -W, which would expand `$(...)` in them.
constexpr const char* kScriptHead = R"bash(# bash completion for lastgood; to use it: source <(lastgood completion bash)

# Offers those lines of standard input that begin with the word under the cursor.
_lastgood_offer() {
  local name
  while IFS= read -r name; do
    [[ $name == "$cur"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
  done
}

_lastgood_names() {
  local -a where=()
  [[ -n $store ]] && where+=(--store "$store")
  [[ -n $run && $1 != runs ]] && where+=(--run "$run")
  _lastgood_offer < <("${COMP_WORDS[0]/#\~/$HOME}" "${where[@]}" names "$1" 2>/dev/null)
}

_lastgood_value() {
  case $1 in
    directory)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    run) _lastgood_names runs ;;
    tag) _lastgood_names tags ;;
    checkpoint) _lastgood_names checkpoints ;;
    shell) COMPREPLY=(bash) ;;
    command) _lastgood_offer < <(_lastgood_words '' | grep -v '^-') ;;
  esac
}

_lastgood() {
  local cur=${COMP_WORDS[COMP_CWORD]} command= store= run= expects= word i given=0
  local -a kinds
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -n $expects ]]; then
      # An unquoted = is a word of its own.
      [[ $word == = ]] && continue
      [[ $expects == store ]] && store=${word/#\~/$HOME}
      [[ $expects == run ]] && run=$word
      expects=
      continue
    fi
    expects=$(_lastgood_expects "$command" "$word")
    [[ -n $expects || $word == -* ]] && continue
    if [[ -z $command ]]; then command=$word; else ((++given)); fi
  done
  [[ $cur == = ]] && cur=
  if [[ -n $expects ]]; then
    [[ $expects == store ]] && expects=directory
    _lastgood_value "$expects"
  elif [[ $cur == -* || -z $command ]]; then
    _lastgood_offer < <(_lastgood_words "$command")
  else
    # Of words that may be repeated, the last kind goes on.
    read -ra kinds < <(_lastgood_positional "$command")
    ((given < ${#kinds[@]})) || given=$((${#kinds[@]} - 1))
    ((given < 0)) || _lastgood_value "${kinds[given]}"
  fi
}
)bash";

/// "-n,--limit" as its two words.
std::vector<std::string> split_names(const std::string& names) {
  const auto comma = names.find(',');
  if (comma == std::string::npos) return {names};
  return {names.substr(0, comma), names.substr(comma + 1)};
}

const char* word_for(Offer offer) {
  switch (offer) {
    case Offer::nothing: return "value";
    case Offer::directory: return "store";
    case Offer::file: return "file";
    case Offer::run: return "run";
    case Offer::checkpoint: return "checkpoint";
    case Offer::tag: return "tag";
    case Offer::shell: return "shell";
    case Offer::command: return "command";
  }
  return "value";
}

/// Prints what the option in $2 expects, if it takes a value: `    tag:-d|tag:--delete) echo tag ;;`
void add_expectations(std::string& script, const std::string& command, const std::vector<Argument>& arguments) {
  for (const Argument& argument : arguments) {
    if (argument.positional() || !argument.takes_value()) continue;
    std::string pattern;
    for (const std::string& name : split_names(argument.names)) {
      if (!pattern.empty()) pattern += "|";
      pattern.append(command).append(":").append(name);
    }
    script += "    " + pattern + ") echo " + word_for(argument.offer) + " ;;\n";
  }
}

/// Each behind a space, for a list of arguments of printf.
std::string words_of(const std::vector<Argument>& arguments) {
  std::string words;
  for (const Argument& argument : arguments) {
    if (argument.positional()) continue;
    for (const std::string& name : split_names(argument.names)) words += " " + name;
  }
  return words;
}

/// A function of the script with one case for each command.
template <class Line>
std::string per_command(const char* name, const std::vector<Command>& commands, Line line) {
  std::string text = std::string("\n") + name + "() {\n  case $1 in\n";
  for (const Command& command : commands) {
    if (const std::string body = line(command); !command.hidden && !body.empty()) {
      text += "    " + command.name + ") " + body + " ;;\n";
    }
  }
  return text + "  esac\n}\n";
}

/// What each of the command's positional words is, in order.
std::string positional_of(const Command& command) {
  std::string kinds;
  for (const Argument& argument : command.arguments) {
    if (argument.positional()) kinds += (kinds.empty() ? "" : " ") + std::string(word_for(argument.offer));
  }
  return kinds;
}

/// The head is fixed text; behind it stand three functions with a case for each command, made from the descriptions.
std::string bash_script() {
  // Only the names and kinds of the options count here, not where their values go.
  Context nowhere;
  const std::vector<Argument> globals = global_arguments(nowhere);
  const std::vector<Command> commands = all_commands();
  const std::string common = words_of(globals) + " --help";

  std::string names;
  for (const Command& command : commands) names += command.hidden ? "" : " " + command.name;
  std::string script = kScriptHead;
  script += per_command("_lastgood_words", commands, [&](const Command& command) {
    return "printf '%s\\n'" + words_of(command.arguments) + words_of(arguments_for(command, globals)) + " --help";
  });
  script.insert(script.size() - std::string("  esac\n}\n").size(),
                "    '') printf '%s\\n'" + names + common + " --version ;;\n");
  script += per_command("_lastgood_positional", commands, [](const Command& command) {
    const std::string offer = positional_of(command);
    return offer.empty() ? offer : "echo " + offer;
  });
  script += "\n_lastgood_expects() {\n  case $1:$2 in\n";
  add_expectations(script, "*", globals);
  for (const Command& command : commands) add_expectations(script, command.name, command.arguments);
  return script + "  esac\n}\n\ncomplete -F _lastgood lastgood\n";
}

ExitCode print_completion(Context& context, const std::string& shell) {
  if (shell != "bash") throw UsageError("there is completion for bash only; see `lastgood completion --help`");
  if (context.json) {
    Json document = new_document();
    document["shell"] = shell;
    document["script"] = bash_script();
    print(context.out, document);
  } else {
    context.out.write(bash_script());
  }
  return ExitCode::ok;
}

}  // namespace

Command completion_command() {
  const auto shell = std::make_shared<std::string>();
  return {
      .name = "completion",
      .summary = "print the script that makes the shell complete lastgood",
      .details = "It completes commands, options, names of checkpoints, tags and runs.",
      .arguments = {{.names = "SHELL", .help = "bash", .target = shell.get(), .required = true, .offer = Offer::shell}},
      .examples = {"source <(lastgood completion bash)", "lastgood completion bash > /etc/bash_completion.d/lastgood"},
      .run = [shell](Context& context) { return print_completion(context, *shell); },
      .takes_run = false};
}

}  // namespace lastgood::cli
