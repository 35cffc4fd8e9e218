// lastgood show: everything about one checkpoint.
// JSON: {"schema":1,"checkpoint":{...}}, as json_checkpoint() says, and in it also "digest","bytes_new","pinned",
// "metadata","lineage":[id,...] (itself, its parent, and so on),
// "first_non_finite":{"step","kind","message","detail":{"tensors":[{"name","kind","nan","inf"}],"count"}} or null,
// "entries":[{"section","name","dtype","shape","bytes","alias_of"}].
// Opens the store for reading only. Exit code 20 where the catalog's rows of it are damaged; what could be read is
// printed before.
//
// Prints facts a line, what is unknown left out, then a table of entries: the first 20, or all with --entries. Flags:
// --entries; CHECKPOINT, by default the head. JSON always has all entries. "metadata" is the user's object, not a text.
#include <algorithm>
#include <memory>

#include <lastgood/history.h>
#include <lastgood/load.h>
#include <lastgood/telemetry.h>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

constexpr std::size_t kEntriesShown = 20;
constexpr std::size_t kAncestorsShown = 10;
constexpr std::size_t kLabelColumns = 12;

struct Options {
  std::string checkpoint;
  bool all_entries = false;
};

std::string shown_shape(const EntrySpec& entry) {
  std::string text = "[";
  for (const std::int64_t size : entry.shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

Json json_entry(const EntrySpec& entry) {
  return {{"section", to_string(entry.section)},
          {"name", entry.name},
          {"dtype", to_string(entry.dtype)},
          {"shape", entry.shape},
          {"bytes", entry.byte_count()},
          {"alias_of", entry.alias_of.empty() ? Json(nullptr) : Json(entry.alias_of)}};
}

/// The first alarm, on the way to this checkpoint, of something that was NaN or infinite.
std::optional<Event> first_non_finite(const Store& store, const CheckpointInfo& checkpoint) {
  const auto events = list_events(store, {.at_least = Severity::critical, .leading_to = checkpoint.id});
  const auto found = std::find_if(events.rbegin(), events.rend(), [](const Event& event) {
    return event.kind == "nan_detected" || event.kind == "inf_detected";
  });
  return found == events.rend() ? std::nullopt : std::optional(*found);
}

Json json_non_finite(const std::optional<Event>& event) {
  if (!event) return nullptr;
  return {{"step", event->step},
          {"kind", event->kind},
          {"message", event->message},
          {"detail", Json::parse(event->detail, nullptr, false)}};
}

void print_json(Context& context, const Store& store, const CheckpointInfo& checkpoint) {
  Json document = new_document();
  Json& fields = document["checkpoint"] = json_checkpoint(checkpoint, bytes_unique(store, checkpoint.id));
  fields["digest"] = checkpoint.digest.hex();
  fields["bytes_new"] = checkpoint.bytes_new;
  fields["pinned"] = checkpoint.pinned;
  fields["metadata"] = Json::parse(checkpoint.metadata, nullptr, false);
  Json& lineage = fields["lineage"] = Json::array();
  for (const CheckpointId id : lineage_of(store, checkpoint)) lineage.push_back(id.value);
  fields["first_non_finite"] = json_non_finite(first_non_finite(store, checkpoint));
  Json& rows = fields["entries"] = Json::array();
  for (const EntrySpec& entry : entries(store, checkpoint.id)) rows.push_back(json_entry(entry));
  print(context.out, document);
}

std::string shown_sizes(const Store& store, const CheckpointInfo& checkpoint) {
  return human_bytes(checkpoint.bytes_logical) + ", " + human_bytes(checkpoint.bytes_new) + " new at its save, " +
         human_bytes(bytes_unique(store, checkpoint.id)) + " needed by no other checkpoint";
}

std::string shown_lineage(const Store& store, const CheckpointInfo& checkpoint) {
  const std::vector<CheckpointId> lineage = lineage_of(store, checkpoint);
  std::string text;
  for (std::size_t i = 0; i < std::min(lineage.size(), kAncestorsShown); ++i) {
    text += (i == 0 ? "" : " <- ") + std::to_string(lineage[i].value);
  }
  if (lineage.size() > kAncestorsShown) text += " <- " + std::to_string(lineage.size() - kAncestorsShown) + " more";
  return text;
}

std::string shown_metrics(const CheckpointInfo& checkpoint) {
  std::string text;
  for (const auto& [name, value] : checkpoint.metrics) {
    text += (text.empty() ? "" : ", ") + escape(name) + " " + human_number(value);
  }
  return text;
}

void print_facts(Context& context, const Store& store, const CheckpointInfo& checkpoint) {
  const bool color = context.color();
  const auto row = [&](std::string_view label, const std::string& value) {
    if (value.empty()) return;
    context.out.line(std::string(label) + std::string(kLabelColumns - label.size(), ' ') + value);
  };
  std::string name = std::to_string(checkpoint.id.value) + (checkpoint.is_head ? " (head)" : "");
  if (checkpoint.pinned) name += " (pinned)";
  row("checkpoint", paint(name, Tone::strong, color));
  if (!checkpoint.intact) row("damage", paint("found: see `lastgood verify`", Tone::bad, color));
  std::string tags;
  for (const std::string& tag : checkpoint.tags) tags += (tags.empty() ? "" : ", ") + escape(tag);
  row("tags", tags);
  row("run", escape(checkpoint.run) + ", session " + std::to_string(checkpoint.session.value));
  row("step", std::to_string(checkpoint.step) + ", epoch " + std::to_string(checkpoint.epoch));
  row("created", iso_time(checkpoint.created_at_ms) + ", " + age(checkpoint.created_at_ms) + " ago");
  row("kind", to_string(checkpoint.kind));
  row("stability", paint(to_string(checkpoint.stability), tone_of(checkpoint.stability), color));
  if (const auto event = first_non_finite(store, checkpoint)) {
    row("went bad", paint("step " + std::to_string(event->step) + ": " + escape(event->message), Tone::bad, color));
  }
  row("metrics", shown_metrics(checkpoint));
  row("metadata", checkpoint.metadata == "{}" ? "" : escape(checkpoint.metadata));
  row("lineage", shown_lineage(store, checkpoint));
  row("size", shown_sizes(store, checkpoint));
  row("digest", checkpoint.digest.hex());
  row("entries", std::to_string(checkpoint.entries));
}

void print_entries(Context& context, const std::vector<EntrySpec>& all, std::size_t limit) {
  if (all.empty()) return;
  Table table({{.title = "ENTRY", .shrinks = true}, {"DTYPE"}, {"SHAPE"}, {"SIZE", Column::Align::right}});
  for (std::size_t i = 0; i < std::min(all.size(), limit); ++i) {
    const EntrySpec& entry = all[i];
    table.add({{to_string(entry.section) + ("/" + entry.name)},
               {to_string(entry.dtype)},
               {shown_shape(entry)},
               {entry.alias_of.empty() ? human_bytes(entry.byte_count()) : "= " + entry.alias_of}});
  }
  context.out.line();
  table.print(context.out, context.color());
  if (all.size() > limit) {
    context.out.line("and " + std::to_string(all.size() - limit) + " more: see them with --entries");
  }
}

ExitCode show(Context& context, const Options& options) {
  const Store store = context.open_read_only();
  require_run(store, context.run);
  const CheckpointInfo checkpoint = resolve_checkpoint(store, options.checkpoint, context.run);
  if (context.json) {
    print_json(context, store, checkpoint);
    return ExitCode::ok;
  }
  // First what the catalog knows: the entries' list itself may be damaged.
  print_facts(context, store, checkpoint);
  const std::vector<EntrySpec> all = entries(store, checkpoint.id);
  print_entries(context, all, options.all_entries ? all.size() : kEntriesShown);
  return ExitCode::ok;
}

}  // namespace

Command show_command() {
  const auto options = std::make_shared<Options>();
  options->checkpoint = "head";
  return {.name = "show",
          .summary = "everything about one checkpoint",
          .details =
              "Without a name: the head. WENT BAD names the tensors that a monitor first found to be NaN or\n"
              "infinite on the way to this checkpoint, where there were any.",
          .arguments =
              {{.names = "CHECKPOINT", .help = "which one", .target = &options->checkpoint, .offer = Offer::checkpoint},
               {.names = "--entries",
                .help = "all entries, not only the first 20 (--json always has all)",
                .target = &options->all_entries}},
          .examples = {"lastgood show last-stable", "lastgood show step:4100 --run gpt2-small --entries"},
          .run = [options](Context& context) { return show(context, *options); }};
}

}  // namespace lastgood::cli
