// lastgood doctor: what a checkpoint holds of the training state, and what looks to be missing.
// Prints a table of what is captured, then each finding with its advice. Flags: CHECKPOINT, by default the head; --run.
// JSON: {"schema":1,"checkpoint","exact":bool,"captured":[{"section","name","entries","bytes"}],
//        "findings":[{"severity","message","advice"}]}
// Opens the store for reading only. Exit code 3 where a resume cannot be exact.
#include <memory>

#include <lastgood/doctor.h>
#include <lastgood/history.h>

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

Json json_diagnosis(const CheckpointInfo& checkpoint, const Diagnosis& diagnosis) {
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
  return document;
}

void print_diagnosis(Context& context, const Diagnosis& diagnosis) {
  using Align = Column::Align;
  Table table({{"SECTION"}, {.title = "PART", .shrinks = true}, {"ENTRIES", Align::right}, {"SIZE", Align::right}});
  for (const CapturedPart& part : diagnosis.captured) {
    table.add({{to_string(part.section)}, {part.name}, {std::to_string(part.entries)}, {human_bytes(part.bytes)}});
  }
  table.print(context.out, context.color());
  if (diagnosis.findings.empty()) context.out.line("nothing looks to be missing");
  for (const Finding& finding : diagnosis.findings) {
    const std::string severity = paint(to_string(finding.severity), tone_of(finding.severity), context.color());
    context.out.line(severity + ": " + finding.message);
    context.out.line("  " + finding.advice);
  }
}

ExitCode examine(Context& context, const Options& options) {
  const Store store = context.open_read_only();
  const CheckpointInfo checkpoint = resolve_checkpoint(store, options.checkpoint, context.run);
  const Diagnosis diagnosis = doctor(store, checkpoint.id);
  if (context.json) {
    print(context.out, json_diagnosis(checkpoint, diagnosis));
  } else {
    print_diagnosis(context, diagnosis);
  }
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
              "generators, an optimizer of another model). In a program, lastgood::doctor(state) sees more, and\n"
              "prove_resume() proves it.",
          .arguments = {{.names = "CHECKPOINT",
                         .help = "which one",
                         .target = &options->checkpoint,
                         .offer = Offer::checkpoint}},
          .examples = {"lastgood doctor", "lastgood doctor latest --json"},
          .run = [options](Context& context) { return examine(context, *options); }};
}

}  // namespace lastgood::cli
