// lastgood doctor: what a checkpoint holds of the training state, and what looks to be missing.
// Prints a table of what is captured, then each finding with its advice. Flags: CHECKPOINT, by default the head; --run.
// JSON: {"schema":1,"checkpoint","exact":bool,"captured":[{"section","name","entries","bytes"}],
//        "findings":[{"severity","message","advice"}],"damaged":[id]}
// Opens the store for reading only. Exit code 20 where a checkpoint is known to be damaged, else 3 where a resume
// cannot be exact.
#include <memory>

#include <lastgood/doctor.h>
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
  std::string checkpoint = "head";
};

Tone tone_of(Severity severity) {
  if (severity == Severity::critical) return Tone::bad;
  return severity == Severity::warning ? Tone::doubtful : Tone::plain;
}

/// As the catalog has them marked, by a load or a verify that met the damage: nothing is read here.
std::vector<CheckpointId> known_damaged(const Store& store, const std::optional<std::string>& run) {
  std::vector<CheckpointId> damaged;
  for (const CheckpointInfo& checkpoint : list_checkpoints(store, {.run = run})) {
    if (!checkpoint.intact) damaged.push_back(checkpoint.id);
  }
  return damaged;
}

Json json_diagnosis(const CheckpointInfo& checkpoint, const Diagnosis& diagnosis,
                    const std::vector<CheckpointId>& damaged) {
  Json document = new_document();
  document["checkpoint"] = checkpoint.id.value;
  document["exact"] = diagnosis.can_be_exact();
  document["captured"] = Json::array();
  for (const CapturedPart& part : diagnosis.captured) {
    document["captured"].push_back(
        {{"section", to_string(part.section)}, {"name", part.name}, {"entries", part.entries}, {"bytes", part.bytes}});
  }
  document["findings"] = Json::array();
  for (const Finding& finding : diagnosis.findings) {
    document["findings"].push_back(
        {{"severity", to_string(finding.severity)}, {"message", finding.message}, {"advice", finding.advice}});
  }
  document["damaged"] = Json::array();
  for (const CheckpointId id : damaged) document["damaged"].push_back(id.value);
  return document;
}

void print_finding(Context& context, Severity severity, const std::string& message, const std::string& advice) {
  context.out.line(paint(to_string(severity), tone_of(severity), context.color()) + ": " + message);
  context.out.line("  " + advice);
}

void print_diagnosis(Context& context, const Diagnosis& diagnosis, const std::vector<CheckpointId>& damaged) {
  using Align = Column::Align;
  Table table({{"SECTION"}, {.title = "PART", .shrinks = true}, {"ENTRIES", Align::right}, {"SIZE", Align::right}});
  for (const CapturedPart& part : diagnosis.captured) {
    table.add({{to_string(part.section)}, {part.name}, {std::to_string(part.entries)}, {human_bytes(part.bytes)}});
  }
  table.print(context.out, context.color());
  if (diagnosis.findings.empty()) context.out.line("nothing looks to be missing");
  for (const Finding& finding : diagnosis.findings) {
    print_finding(context, finding.severity, finding.message, finding.advice);
  }
  if (damaged.empty()) return;
  print_finding(context, Severity::critical,
                counted(damaged.size(), "checkpoint") + " known to be damaged: " + joined_ids(damaged),
                "a resume passes over what is marked; `lastgood verify` tells what is damaged, and looks for more");
}

ExitCode examine(Context& context, const Options& options) {
  const Store store = context.open_read_only();
  const CheckpointInfo checkpoint = resolve_checkpoint(store, options.checkpoint, context.run);
  const Diagnosis diagnosis = doctor(store, checkpoint.id);
  const std::vector<CheckpointId> damaged = known_damaged(store, context.run);
  if (context.json) {
    print(context.out, json_diagnosis(checkpoint, diagnosis, damaged));
  } else {
    print_diagnosis(context, diagnosis, damaged);
  }
  if (!damaged.empty()) return ExitCode::damage_found;
  // A script can thus refuse to start a long run from it.
  return diagnosis.can_be_exact() ? ExitCode::ok : ExitCode::partly_done;
}

}  // namespace

Command doctor_command() {
  const auto options = std::make_shared<Options>();
  return {.name = "doctor",
          .summary = "what a checkpoint holds, and what looks to be forgotten",
          .details =
              "Without a name: the head. Exits with 3 when a resume from it cannot be exact (no model, no random\n"
              "generators, an optimizer of another model), and with 20 when a checkpoint of the store (with --run,\n"
              "of the run) is known to be damaged: it looks for no damage itself, `lastgood verify` does. In a\n"
              "program, lastgood::doctor(state) sees more, and prove_resume() proves it.",
          .arguments = {{.names = "CHECKPOINT",
                         .help = "which one",
                         .target = &options->checkpoint,
                         .offer = Offer::checkpoint}},
          .examples = {"lastgood doctor", "lastgood doctor latest --json"},
          .run = [options](Context& context) { return examine(context, *options); }};
}

}  // namespace lastgood::cli
