// lastgood log: the branches of each run as a tree.
// JSON: {"schema":1,"runs":[{"name","head","checkpoints":[...]}]}, newest first, each as json_checkpoint() says.
// Opens the store for reading only.
//
// Prints a tree as `git log --graph` draws it, a checkpoint a line, newest on top; runs by name, each under its own
// where there are several. Flags: -n, of each run; --run. Exit codes: the common ones.
#include <memory>

#include <lastgood/history.h>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/graph.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

struct Options {
  std::optional<std::uint64_t> limit;
};

/// " (head, DAMAGED, tag: best)", or nothing.
std::string decoration(const CheckpointInfo& checkpoint, bool color) {
  std::string text;
  const auto add = [&](const std::string& word, Tone tone) {
    text += (text.empty() ? "" : ", ") + paint(escape(word), tone, color);
  };
  if (checkpoint.is_head) add("head", Tone::strong);
  if (!checkpoint.intact) add("DAMAGED", Tone::bad);
  if (checkpoint.pinned) add("pinned", Tone::plain);
  for (const std::string& tag : checkpoint.tags) add("tag: " + tag, Tone::doubtful);
  return text.empty() ? text : " (" + text + ")";
}

/// "17 (head)  step 125, epoch 3, stable, loss 2.131, 5m ago"
std::string described(const CheckpointInfo& checkpoint, bool color) {
  const Tone tone = checkpoint.is_head ? Tone::strong : Tone::plain;
  std::string text = paint(std::to_string(checkpoint.id.value), tone, color) + decoration(checkpoint, color);
  text += "  step " + std::to_string(checkpoint.step) + ", epoch " + std::to_string(checkpoint.epoch);
  if (checkpoint.kind != CheckpointKind::regular) text += std::string(", ") + to_string(checkpoint.kind);
  if (checkpoint.stability != Stability::unknown) {
    text += ", " + paint(to_string(checkpoint.stability), tone_of(checkpoint.stability), color);
  }
  if (checkpoint.metrics.count("loss") != 0) text += ", loss " + shown_loss(checkpoint);
  return text + ", " + age(checkpoint.created_at_ms) + " ago";
}

void print_tree(Context& context, const std::vector<CheckpointInfo>& checkpoints) {
  Graph graph;
  for (const CheckpointInfo& checkpoint : checkpoints) {
    const Graph::Row row = graph.add(checkpoint.id, checkpoint.parent);
    for (const std::string& line : row.joins) context.out.line(line);
    context.out.line(row.prefix + described(checkpoint, context.color()));
    if (!row.shift.empty()) context.out.line(row.shift);
  }
}

Json json_run(const Store& store, const RunInfo& run, const std::vector<CheckpointInfo>& checkpoints) {
  return {{"name", run.name}, {"head", json_id(run.head)}, {"checkpoints", json_checkpoints(store, checkpoints)}};
}

ExitCode log(Context& context, const Options& options) {
  const Store store = context.open_read_only();
  require_run(store, context.run);
  const std::vector<RunInfo> runs = list_runs(store);
  Json document = new_document();
  Json& json_runs = document["runs"] = Json::array();
  bool first = true;
  for (const RunInfo& run : runs) {
    if (context.run && run.name != *context.run) continue;
    std::vector<CheckpointInfo> checkpoints;
    if (options.limit != 0u) {
      checkpoints = list_checkpoints(store, {.run = run.name, .limit = options.limit.value_or(0)});
    }
    if (context.json) {
      json_runs.push_back(json_run(store, run, checkpoints));
      continue;
    }
    if (runs.size() > 1 && !context.run) context.out.line((first ? "run " : "\nrun ") + escape(run.name));
    print_tree(context, checkpoints);
    first = false;
  }
  if (context.json) print(context.out, document);
  if (runs.empty()) context.hint("no runs yet");
  return ExitCode::ok;
}

}  // namespace

Command log_command() {
  const auto options = std::make_shared<Options>();
  return {.name = "log",
          .summary = "the history as a tree: branches, heads and tags",
          .details = "Newest on top. After a rollback the next save grows a new branch; the one that was left stays.",
          .arguments = {{.names = "-n,--limit",
                         .placeholder = "N",
                         .help = "the newest N of each run only",
                         .target = &options->limit}},
          .examples = {"lastgood log", "lastgood log --run gpt2-small -n 20"},
          .run = [options](Context& context) { return log(context, *options); }};
}

}  // namespace lastgood::cli
