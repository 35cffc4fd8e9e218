// lastgood list: the checkpoints at a glance, newest first.
// JSON: {"schema":1,"checkpoints":[...]}, each as json_checkpoint() in json.h says.
// Opens the store for reading only. A store without checkpoints is no failure: an empty list, exit code 0.
//
// Prints a table within 100 columns, or nothing but a hint on standard error. The column RUN is there only where
// several runs are listed. Flags: -n (0: none); --run for one run. Exit codes: the common ones (exit_codes.h).
#include <algorithm>
#include <memory>

#include <lastgood/history.h>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

struct Options {
  std::optional<std::uint64_t> limit;
};

Tone tone_of(const CheckpointInfo& checkpoint) {
  return !checkpoint.intact ? Tone::bad : checkpoint.is_head ? Tone::strong : Tone::plain;
}

std::string joined_remarks(const CheckpointInfo& checkpoint) {
  std::string text;
  for (const std::string& word : remarks(checkpoint)) text += (text.empty() ? "" : ", ") + word;
  return text;
}

bool has_several_runs(const std::vector<CheckpointInfo>& checkpoints) {
  return std::any_of(checkpoints.begin(), checkpoints.end(),
                     [&](const CheckpointInfo& other) { return other.run != checkpoints.front().run; });
}

void print_table(Context& context, const std::vector<CheckpointInfo>& checkpoints) {
  using Align = Column::Align;
  const bool with_run = has_several_runs(checkpoints);
  std::vector<Column> columns = {{""}, {"ID", Align::right}};
  if (with_run) columns.push_back({.title = "RUN", .shrinks = true});
  for (const char* title : {"STEP", "EPOCH", "AGE"}) columns.push_back({title, Align::right});
  columns.insert(columns.end(), {{"KIND"}, {"STABILITY"}});
  for (const char* title : {"LOSS", "SIZE", "NEW"}) columns.push_back({title, Align::right});
  columns.push_back({.title = "TAGS", .shrinks = true});

  Table table(std::move(columns));
  for (const CheckpointInfo& checkpoint : checkpoints) {
    std::vector<Cell> row = {{checkpoint.is_head ? "*" : ""},
                             {std::to_string(checkpoint.id.value), tone_of(checkpoint)}};
    if (with_run) row.emplace_back(checkpoint.run);
    row.insert(row.end(), {{std::to_string(checkpoint.step)},
                           {std::to_string(checkpoint.epoch)},
                           {age(checkpoint.created_at_ms)},
                           {to_string(checkpoint.kind)},
                           {to_string(checkpoint.stability), cli::tone_of(checkpoint.stability)},
                           {shown_loss(checkpoint)},
                           {human_bytes(checkpoint.bytes_logical)},
                           {human_bytes(checkpoint.bytes_new)},
                           {joined_remarks(checkpoint), checkpoint.intact ? Tone::plain : Tone::bad}});
    table.add(std::move(row));
  }
  table.print(context.out, context.color());
}

ExitCode list(Context& context, const Options& options) {
  const Store store = context.open_read_only();
  require_run(store, context.run);
  const std::vector<CheckpointInfo> checkpoints =
      // On the command line 0 is none; in a query it is all.
      options.limit == 0u ? std::vector<CheckpointInfo>()
                          : list_checkpoints(store, {.run = context.run, .limit = options.limit.value_or(0)});
  if (context.json) {
    Json document = new_document();
    document["checkpoints"] = json_checkpoints(store, checkpoints);
    print(context.out, document);
  } else if (!checkpoints.empty()) {
    print_table(context, checkpoints);
  } else if (options.limit != 0u) {
    // Who asks for none is not told that there are none.
    context.hint("no checkpoints yet");
  }
  return ExitCode::ok;
}

}  // namespace

Command list_command() {
  const auto options = std::make_shared<Options>();
  return {.name = "list",
          .summary = "the checkpoints, newest first",
          .details =
              "One line a checkpoint: * marks the head of its run, from which the next resume continues; SIZE is\n"
              "the whole state, NEW what its save added to the store. A damaged checkpoint says so under TAGS.",
          .arguments = {{.names = "-n,--limit",
                         .placeholder = "N",
                         .help = "the newest N only; 0: none",
                         .target = &options->limit}},
          .examples = {"lastgood list", "lastgood list -n 10 --run gpt2-small", "lastgood list --json"},
          .run = [options](Context& context) { return list(context, *options); }};
}

}  // namespace lastgood::cli
