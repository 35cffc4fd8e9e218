// lastgood stats: what the store holds, in numbers.
// JSON: {"schema":1} and the fields of StoreStats by name.
// Opens the store for reading only. Reads every row of blobs.
//
// Prints a figure a line; what is 0 and only of interest otherwise (saves now, damage) is left out of the text and
// never of the JSON. No flags, and no --run: blobs belong to no single run. Exit codes: the common ones.
#include <cstdio>

#include <lastgood/history.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

constexpr std::size_t kLabelColumns = 14;

Json json_stats(const StoreStats& stats) {
  Json document = new_document();
  document.update({{"runs", stats.runs},
                   {"sessions", stats.sessions},
                   {"checkpoints", stats.checkpoints},
                   {"entries", stats.entries},
                   {"blobs", stats.blobs},
                   {"blobs_damaged", stats.blobs_damaged},
                   {"packs", stats.packs},
                   {"bytes_logical", stats.bytes_logical},
                   {"bytes_raw", stats.bytes_raw},
                   {"bytes_stored", stats.bytes_stored},
                   {"bytes_on_disk", stats.bytes_on_disk},
                   {"bytes_dead", stats.bytes_dead},
                   {"catalog_bytes", stats.catalog_bytes},
                   {"saves_in_flight", stats.saves_in_flight}});
  return document;
}

/// ", 3.4 times less than stored one by one": only where it is less.
std::string saved_by_sharing(const StoreStats& stats) {
  if (stats.bytes_on_disk == 0 || stats.bytes_logical <= stats.bytes_on_disk) return {};
  char text[64];
  std::snprintf(text, sizeof text, ", %.1f times less than all checkpoints apart",
                static_cast<double>(stats.bytes_logical) / static_cast<double>(stats.bytes_on_disk));
  return text;
}

void print_stats(Context& context, const StoreStats& stats) {
  const auto row = [&](std::string_view label, const std::string& value) {
    context.out.line(std::string(label) + std::string(kLabelColumns - label.size(), ' ') + value);
  };
  row("runs", std::to_string(stats.runs));
  row("sessions", std::to_string(stats.sessions));
  row("checkpoints", std::to_string(stats.checkpoints) + ", " + std::to_string(stats.entries) + " entries");
  row("logical", human_bytes(stats.bytes_logical));
  row("distinct", human_bytes(stats.bytes_raw) + " in " + counted(stats.blobs, "blob"));
  row("stored", human_bytes(stats.bytes_stored) + " in " + counted(stats.packs, "pack"));
  row("on disk", human_bytes(stats.bytes_on_disk) + saved_by_sharing(stats));
  row("to be freed", human_bytes(stats.bytes_dead) + (stats.bytes_dead == 0 ? "" : " by `lastgood gc`"));
  row("catalog", human_bytes(stats.catalog_bytes));
  if (stats.saves_in_flight != 0) row("saves now", std::to_string(stats.saves_in_flight));
  if (stats.blobs_damaged != 0) {
    const std::string damage = counted(stats.blobs_damaged, "damaged blob") + ": see `lastgood verify`";
    row("damage", paint(damage, Tone::bad, context.color()));
  }
}

ExitCode show_stats(Context& context) {
  const StoreStats stats = store_stats(context.open_read_only());
  if (context.json) {
    print(context.out, json_stats(stats));
  } else {
    print_stats(context, stats);
  }
  return ExitCode::ok;
}

}  // namespace

Command stats_command() {
  return {.name = "stats",
          .summary = "what the store holds and what it costs",
          .details =
              "logical: all checkpoints, as if each stood alone. distinct: what is left when equal contents are\n"
              "kept once, with the lists that describe each checkpoint. stored: the same after compression. on\n"
              "disk: what the packs take, with what the next gc frees.",
          .examples = {"lastgood stats"},
          .run = show_stats,
          .takes_run = false};
}

}  // namespace lastgood::cli
