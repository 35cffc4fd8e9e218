// A training state as a safetensors file holds it, and back.
//
// Others find what their tools expect: tensors by name, and for each tied name the one that is kept in its place under
// `__metadata__`, as safetensors.torch's save_model writes it. What the format cannot say stands in one more string of
// `__metadata__`, "lastgood": a JSON object whose fields are listed in store/FORMAT.md. With it, an exported state
// comes back exactly: sections, order, aliases, and dtypes that safetensors does not have. No I/O. Pure functions, safe
// from any thread.
//
// Caps: those of a manifest, for what comes in; 64 KiB for the strings of other tools that go along into a checkpoint's
// metadata. A description of a higher "format" is refused as unsupported_version, never guessed at; one below 1 is
// corruption.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/tensor.h>

#include "store/format/safetensors.h"

namespace lastgood::format {

/// What a checkpoint is beside its entries, as far as a file takes it along.
struct ExchangeNote {
  Step step = 0;
  std::int64_t epoch = 0;
  std::string metadata = "{}";  // a JSON object
};

/// How entries are named in the file: "layer.weight", or "model/layer.weight" where there are several sections.
enum class Naming { plain, with_section };

/// `header` is ready to be encoded; the bytes of tensor i are those of entry sources[i].
struct OutgoingState {
  SafetensorsHeader header;           // widest elements first, so that each tensor is aligned to its own
  std::vector<std::size_t> sources;   // for each tensor, the position of its entry
  std::vector<std::string> as_bytes;  // names of tensors of a dtype that safetensors does not have: as U8, flat
};

/// Throws Error(invalid_argument) for a name that safetensors reserves. Aliases take no bytes in the file. An alias
/// that has one of the names that the file needs for itself ("format", "lastgood") is told by the description alone.
OutgoingState to_safetensors(std::span<const EntrySpec> entries, const ExchangeNote& note, Naming naming);

struct IncomingEntry {
  EntrySpec spec;
  std::size_t tensor = 0;  // position in the header; without meaning for an alias
};

/// In the order of the original entries; for a foreign file, in the order of its bytes, aliases behind.
struct IncomingState {
  std::vector<IncomingEntry> entries;
  ExchangeNote note;
};

/// Tensors of a file that others wrote become entries of the model. Whatever it returns is such as the store takes.
/// Throws Error(invalid_argument) for names that the store does not take, Error(corruption) where "lastgood" and the
/// tensors disagree, Error(unsupported_version).
IncomingState from_safetensors(const SafetensorsHeader& header, const std::string& subject);

/// The checkpoint's metadata with `imported` added: a JSON object, too.
std::string with_origin(const std::string& metadata, const std::string& file, std::uint64_t bytes, const BlobHash& hash,
                        const SafetensorsHeader& header);

}  // namespace lastgood::format
