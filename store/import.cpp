// An import, step by step:
//
//   1. Read the header and check all that it says; a file that is not as it should be changes nothing in the store.
//   2. Join the run as its trainer, or fail: nobody waits for a hash to hear that the run is busy.
//   3. Read the file once for its hash, which the checkpoint's record will name.
//   4. Save, as any session does, with tensors that are read from the file chunk by chunk. End the session.
//
// A cut after 2 leaves an open session, which the run's next one marks as crashed. A cut within 4 is a save's
// (save.cpp): the checkpoint is there as a whole, or not at all. The file is only read, and may change meanwhile: what
// is saved is what was read in 4, but the hash that 3 noted is then another content's.
#include <algorithm>
#include <array>
#include <memory>

#include <lastgood/error.h>
#include <lastgood/history.h>
#include <lastgood/interchange.h>
#include <lastgood/session.h>

#include "store/format/digest.h"
#include "store/format/exchange.h"
#include "store/meter.h"
#include "store/store_impl.h"

namespace lastgood {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;

/// A file that is open, as far as its header says.
struct Source {
  std::string name;
  std::unique_ptr<io::File> file;
  std::uint64_t bytes = 0;
  std::uint64_t first_byte = 0;  // of the tensors
  format::SafetensorsHeader header;
};

/// A file that shrinks under the import is met here, before any of it is acknowledged.
void read_exactly(const Source& source, std::uint64_t offset, std::span<std::byte> out) {
  if (io::read_fully(*source.file, offset, out) != out.size()) {
    throw Error(ErrorCode::io, source.name, source.name + " became shorter while it was being imported; try again");
  }
}

Source open_source(io::FileSystem& files, const std::filesystem::path& path) {
  Source source{path.string(), files.open(path, false), 0, 0, {}};
  if (!source.file) {
    throw Error(ErrorCode::not_found, source.name, "there is no file " + source.name + " to import");
  }
  source.bytes = source.file->size();
  // The length and the first byte of the JSON, by which a pickle is told from a header.
  std::array<std::byte, format::kSafetensorsPrefix + 1> first{};
  const std::size_t got = io::read_fully(*source.file, 0, first);
  const auto json_bytes =
      static_cast<std::size_t>(format::safetensors_json_bytes(std::span(first).first(got), source.bytes, source.name));
  source.first_byte = format::kSafetensorsPrefix + json_bytes;
  std::vector<std::byte> json(json_bytes);
  read_exactly(source, format::kSafetensorsPrefix, json);
  source.header = format::decode_safetensors(json, source.bytes - source.first_byte, source.name);
  return source;
}

BlobHash hash_of(const Source& source, const ProgressFn& progress) {
  Meter meter(progress, "hash", source.bytes);
  format::Hasher hasher;
  std::vector<std::byte> piece(kPieceBytes);
  for (std::uint64_t done = 0; done < source.bytes; done += kPieceBytes) {
    const auto part =
        std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, source.bytes - done)));
    read_exactly(source, done, part);
    hasher.update(part);
    meter.add(part.size());
  }
  return hasher.finish();
}

std::vector<TensorView> views_of(const Source& source, const format::IncomingState& state, Meter& meter) {
  std::vector<TensorView> views;
  for (const format::IncomingEntry& entry : state.entries) {
    TensorView view{.spec = entry.spec};
    if (entry.spec.alias_of.empty()) {
      const std::uint64_t begin = source.first_byte + source.header.tensors[entry.tensor].begin;
      // Called from the threads of the save, which has ended before `source` and `meter` go.
      view.read = [&source, &meter, begin](std::uint64_t offset, std::span<std::byte> out) {
        read_exactly(source, begin + offset, out);
        meter.add(out.size());
      };
    }
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace

CheckpointInfo import_safetensors(Store& store, const std::filesystem::path& file, const std::string& run,
                                  const ImportOptions& options) {
  store.impl().use_for_writing();
  const Source source = open_source(*store.impl().files, file);
  const format::IncomingState state = format::from_safetensors(source.header, source.name);
  if (state.entries.empty()) {
    throw Error(ErrorCode::invalid_argument, source.name,
                source.name + " holds no tensors: there is nothing to import");
  }
  Session session = store.start_session(run, {.threads = options.threads});
  SaveRequest request;
  request.step = options.step.value_or(state.note.step);
  request.epoch = state.note.epoch;
  request.kind = CheckpointKind::imported;
  request.metadata = format::with_origin(state.note.metadata, source.name, source.bytes,
                                         hash_of(source, options.progress), source.header);
  Meter meter(options.progress, "import", source.bytes - source.first_byte);
  const CheckpointId saved = session.save(views_of(source, state, meter), request).value();
  // Not `interrupted`, as the destructor would have it: an import leaves nothing to be resumed.
  session.complete();
  return find_checkpoint(store, saved).value();
}

}  // namespace lastgood
