// An export, step by step:
//
//   1. Refuse a file that is there, before any work.
//   2. Read the manifest; choose entries; lay the tensors out.
//   3. Into a temporary beside the file: the header, then chunk by chunk, in parallel, each read and checked in memory
//      first and then written at its place.
//   4. Sync, move, sync the folder (io/file_replacement.h).
//
// A cut before the move leaves the hidden temporary and whatever was under the name; the store is only read, but for
// marks on what is found damaged. A checkpoint that is forgotten and collected meanwhile ends the export with
// not_found, and no file.
#include <algorithm>

#include <lastgood/error.h>
#include <lastgood/interchange.h>

#include "store/catalog/checkpoints.h"
#include "store/checkpoint_reader.h"
#include "store/format/exchange.h"
#include "store/io/file_replacement.h"
#include "store/meter.h"
#include "store/pipeline/parallel.h"
#include "store/query.h"
#include "store/selection.h"

namespace lastgood {
namespace {

/// One chunk, and its place in the file.
struct Move {
  std::size_t entry = 0;
  std::size_t ordinal = 0;
  std::size_t bytes = 0;
  std::uint64_t to = 0;
};

/// Whether there is a file to replace.
bool refuse_existing(io::FileSystem& files, const std::filesystem::path& file, bool replace) {
  const auto there = files.info(file);
  if (!there) return false;
  if (there->is_directory) {
    throw Error(ErrorCode::invalid_argument, file.string(), file.string() + " is a directory: name a file in it");
  }
  if (!replace) {
    throw Error(ErrorCode::already_exists, file.string(),
                file.string() + " is there already: choose another name, or ask to replace it (--force)");
  }
  return true;
}

/// Positions in the manifest.
std::vector<std::size_t> selected(const OpenedCheckpoint& checkpoint, const std::optional<Section>& section) {
  LoadOptions wanted;
  wanted.section = section;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < checkpoint.manifest.entries.size(); ++i) {
    if (selects(wanted, checkpoint.manifest.entries[i].spec)) positions.push_back(i);
  }
  if (positions.empty()) {
    throw Error(ErrorCode::invalid_argument, std::to_string(checkpoint.id.value),
                "checkpoint " + std::to_string(checkpoint.id.value) + " has no entries" +
                    (section ? std::string(" in section ") + to_string(*section) : "") +
                    ": there is nothing to export");
  }
  return positions;
}

// In the order of the file, so threads write it from front to back, more or less.
std::vector<Move> plan_moves(const OpenedCheckpoint& checkpoint, const format::OutgoingState& state,
                             const std::vector<std::size_t>& positions, std::uint64_t first_byte) {
  const std::uint64_t chunk_bytes = checkpoint.manifest.chunk_bytes;
  std::vector<Move> moves;
  for (std::size_t i = 0; i < state.sources.size(); ++i) {
    const format::SafetensorsTensor& tensor = state.header.tensors[i];
    const std::size_t entry = positions[state.sources[i]];
    std::size_t ordinal = checkpoint.first_chunk[entry];
    for (std::uint64_t done = 0; done < tensor.bytes; done += chunk_bytes) {
      const auto bytes = static_cast<std::size_t>(std::min(chunk_bytes, tensor.bytes - done));
      moves.push_back({entry, ordinal++, bytes, first_byte + tensor.begin + done});
    }
  }
  return moves;
}

void write_tensors(CheckpointReader& reader, const OpenedCheckpoint& checkpoint, const std::vector<Move>& moves,
                   io::File& file, const ExportOptions& options) {
  std::uint64_t total = 0;
  for (const Move& move : moves) total += move.bytes;
  Meter meter(options.progress, "export", total);
  pipeline::parallel_for(pipeline::thread_count(options.threads), moves.size(), [&](std::size_t i) {
    const Move& move = moves[i];
    // In memory first, since a chunk is known to be right only when all of it is there. So a few chunks per thread are
    // all that an export takes.
    std::vector<std::byte> bytes(move.bytes);
    reader.read(checkpoint, {move.entry, move.ordinal, bytes});
    io::write_all(file, move.to, bytes);
    file.start_writeback(move.to, move.bytes);
    meter.add(move.bytes);
  });
}

}  // namespace

ExportReport export_safetensors(const Store& store, CheckpointId checkpoint, const std::filesystem::path& file,
                                const ExportOptions& options) {
  const auto info = query(store, [&](catalog::Connection& db) {
    require_checkpoint(db, checkpoint);
    return catalog::find_checkpoint(db, checkpoint).value();
  });
  io::FileSystem& files = *store.impl().files;
  // Of a directory in the way, or a file without leave to replace it, the user hears before a long read.
  ExportReport report;
  report.replaced = refuse_existing(files, file, options.replace);
  CheckpointReader reader(store.impl());
  const OpenedCheckpoint opened = reader.open(checkpoint);
  const std::vector<std::size_t> positions = selected(opened, options.section);
  std::vector<EntrySpec> specs;
  specs.reserve(positions.size());
  for (const std::size_t position : positions) specs.push_back(opened.manifest.entries[position].spec);
  const auto naming = options.section ? format::Naming::plain : format::Naming::with_section;
  format::OutgoingState state = format::to_safetensors(specs, {info.step, info.epoch, info.metadata}, naming);
  const std::vector<std::byte> header = format::encode(state.header);
  report.tensors = state.sources.size();
  report.aliases = positions.size() - state.sources.size();
  report.bytes = header.size();
  for (const format::SafetensorsTensor& tensor : state.header.tensors) report.bytes += tensor.bytes;
  report.as_bytes = std::move(state.as_bytes);
  if (options.dry_run) return report;

  io::FileReplacement replacement(files, file);
  io::write_all(replacement.file(), 0, header);
  write_tensors(reader, opened, plan_moves(opened, state, positions, header.size()), replacement.file(), options);
  // Once more: the writing may have taken minutes, and somebody may have made such a file meanwhile. What is made
  // between this look and the move is still lost.
  report.replaced = refuse_existing(files, file, options.replace);
  replacement.commit();
  return report;
}

}  // namespace lastgood
