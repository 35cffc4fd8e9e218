// Two readers share the rules of any save (check_entries) and differ in what they believe: our own description, where
// it is there, decides names and order, and each tensor must fit it; without it, every tensor is an entry of the model.
#include "store/format/exchange.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

#include <lastgood/error.h>
#include <nlohmann/json.hpp>

#include "store/format/manifest_check.h"
#include "store/format/record.h"
#include "store/format/record_check.h"
#include "store/format/text.h"

namespace lastgood::format {
namespace {

using Json = nlohmann::json;

// Also reserved as an alias's name, see to_safetensors().
constexpr const char* kOwnKey = "lastgood";
// Written by safetensors.torch and asked for by what loads with PyTorch; never the name of a tied tensor.
constexpr const char* kFrameworkKey = "format";
constexpr std::int64_t kFormat = 1;
// Only to ask the rules of manifests, which want some chunk size; nothing is cut by it.
constexpr std::uint64_t kAnyChunk = 8u << 20;
// What others put into `__metadata__` may be anything, up to the header's 100 MB; the record has room for 1 MiB in all.
constexpr std::size_t kMaxForeignMetadata = 64 * 1024;

/// Sections have name spaces of their own, a safetensors file has one for all: with several sections, each name says
/// which is its.
std::string name_in_file(const EntrySpec& spec, const std::string& name, Naming naming) {
  return naming == Naming::plain ? name : std::string(to_string(spec.section)) + "/" + name;
}

/// How the entry looks to safetensors.
/// What the format has no dtype for is a flat list of bytes; the description tells what it was.
SafetensorsTensor tensor_of(const EntrySpec& spec, Naming naming) {
  SafetensorsTensor tensor{.name = name_in_file(spec, spec.name, naming), .shape = {}};
  tensor.bytes = spec.byte_count();
  if (safetensors_dtype(spec.dtype)) {
    tensor.dtype = spec.dtype;
    tensor.shape = spec.shape;
  } else {
    tensor.dtype = DType::uint8;
    tensor.shape = {static_cast<std::int64_t>(tensor.bytes)};
  }
  return tensor;
}

/// The value of "entries": all that safetensors cannot say of each (section, order, dtype, ties).
Json description(std::span<const EntrySpec> entries, Naming naming) {
  Json list = Json::array();
  for (const EntrySpec& spec : entries) {
    Json entry = {{"section", to_string(spec.section)}, {"name", spec.name}};
    if (spec.alias_of.empty()) {
      entry.update(
          {{"dtype", to_string(spec.dtype)}, {"shape", spec.shape}, {"tensor", name_in_file(spec, spec.name, naming)}});
    } else {
      entry["alias_of"] = spec.alias_of;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

[[noreturn]] void throw_disagreement(const std::string& subject, const std::string& what) {
  throw Error(ErrorCode::corruption, subject,
              subject + ": what Lastgood noted in its metadata does not fit its tensors (" + what +
                  "); without the key \"lastgood\" in __metadata__, the tensors can be imported as a model");
}

/// The description back. Throws what nlohmann throws where it is of another form.
/// Entries in their old order, each with the position of its tensor. Ties are resolved as they come, owners first.
IncomingState parse_description(const Json& own, const SafetensorsHeader& header, const std::string& subject) {
  std::unordered_map<std::string, std::size_t> positions;
  for (std::size_t i = 0; i < header.tensors.size(); ++i) positions.emplace(header.tensors[i].name, i);
  IncomingState state;
  state.note = {own.at("step").get<Step>(), own.at("epoch").get<std::int64_t>(), own.at("metadata").get<std::string>()};
  std::map<std::pair<Section, std::string>, EntrySpec> owners;
  for (const Json& item : own.at("entries").get_ref<const Json::array_t&>()) {
    IncomingEntry entry;
    entry.spec.name = item.at("name").get<std::string>();
    const auto section = section_from_string(item.at("section").get<std::string>());
    if (!section) throw_disagreement(subject, "unknown section of " + in_quotes(entry.spec.name));
    entry.spec.section = *section;
    if (item.contains("alias_of")) {
      entry.spec.alias_of = item.at("alias_of").get<std::string>();
      const auto owner = owners.find({*section, entry.spec.alias_of});
      if (owner == owners.end()) throw_disagreement(subject, in_quotes(entry.spec.name) + " is tied to nothing");
      entry.spec.dtype = owner->second.dtype;
      entry.spec.shape = owner->second.shape;
    } else {
      const auto dtype = dtype_from_string(item.at("dtype").get<std::string>());
      if (!dtype) throw_disagreement(subject, "unknown dtype of " + in_quotes(entry.spec.name));
      entry.spec.dtype = *dtype;
      entry.spec.shape = item.at("shape").get<std::vector<std::int64_t>>();
      const auto position = positions.find(item.at("tensor").get<std::string>());
      if (position == positions.end()) throw_disagreement(subject, in_quotes(entry.spec.name) + " is not there");
      entry.tensor = position->second;
      // Each tensor belongs to one entry; what is left at the end is described by none.
      positions.erase(position);
      owners.emplace(std::pair(*section, entry.spec.name), entry.spec);
    }
    state.entries.push_back(std::move(entry));
  }
  if (!positions.empty()) throw_disagreement(subject, in_quotes(positions.begin()->first) + " is not described");
  return state;
}

/// Each entry is what its tensor looks like.
void check_tensors(const IncomingState& state, const SafetensorsHeader& header, const std::string& subject) {
  for (const IncomingEntry& entry : state.entries) {
    if (!entry.spec.alias_of.empty()) continue;
    SafetensorsTensor expected = tensor_of(entry.spec, Naming::plain);
    const SafetensorsTensor& found = header.tensors[entry.tensor];
    if (expected.dtype != found.dtype || expected.shape != found.shape) {
      throw_disagreement(subject, in_quotes(found.name) + " has another dtype or shape");
    }
  }
}

/// The same rules as for any save.
/// Through a manifest with hashes of zero: one set of rules, wherever entries come from.
void check_entries(const IncomingState& state) {
  Manifest manifest{.chunk_bytes = kAnyChunk, .entries = {}};
  for (const IncomingEntry& entry : state.entries) {
    check_spec(entry.spec);
    const std::uint64_t bytes = entry.spec.alias_of.empty() ? entry.spec.byte_count() : 0;
    manifest.entries.push_back(
        {entry.spec, std::vector<BlobHash>(static_cast<std::size_t>(chunk_count(bytes, kAnyChunk)))});
  }
  if (const auto defect = find_defect(manifest)) {
    throw Error(ErrorCode::invalid_argument, defect->subject, defect->text);
  }
}

/// The text may have been edited, or moved to another file: nothing of it is believed that the tensors do not confirm.
IncomingState own_state(const std::string& text, const SafetensorsHeader& header, const std::string& subject) {
  const auto own = parse_json(text);
  try {
    if (!own) throw_disagreement(subject, "it is no JSON");
    const auto version = own->at("format").get<std::int64_t>();
    if (version < 1) throw_disagreement(subject, "there is no format " + std::to_string(version));
    if (version > kFormat) {
      throw Error(ErrorCode::unsupported_version, subject,
                  subject + " was exported by a newer Lastgood; import it with that version");
    }
    IncomingState state = parse_description(*own, header, subject);
    if (!is_json_object(state.note.metadata)) throw_disagreement(subject, "its metadata is no JSON object");
    check_entries(state);
    check_tensors(state, header, subject);
    return state;
  } catch (const Json::exception&) {
    throw_disagreement(subject, "a field is missing, or of another type");
  }
}

/// Metadata is free text. A string counts as a tie only where it names a tensor of the file and its key names none, as
/// save_model of safetensors.torch writes it.
IncomingState foreign_state(const SafetensorsHeader& header) {
  IncomingState state;
  std::unordered_map<std::string, std::size_t> positions;
  for (std::size_t i = 0; i < header.tensors.size(); ++i) {
    const SafetensorsTensor& tensor = header.tensors[i];
    state.entries.push_back({{Section::model, tensor.name, tensor.dtype, tensor.shape, ""}, i});
    positions.emplace(tensor.name, i);
  }
  for (const auto& [name, kept] : header.metadata) {
    const auto owner = positions.find(kept);
    if (name == kFrameworkKey || owner == positions.end() || positions.count(name) != 0) continue;
    EntrySpec alias = state.entries[owner->second].spec;
    alias.alias_of = std::exchange(alias.name, name);
    state.entries.push_back({std::move(alias), owner->second});
  }
  check_entries(state);
  return state;
}

}  // namespace

/// Ties are told twice: to other tools by a string of `__metadata__` each, to an import by the description.
OutgoingState to_safetensors(std::span<const EntrySpec> entries, const ExchangeNote& note, Naming naming) {
  OutgoingState out;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const EntrySpec& spec = entries[i];
    const std::string name = name_in_file(spec, spec.name, naming);
    if (name == "__metadata__") {
      throw Error(ErrorCode::invalid_argument, spec.name,
                  "a tensor named \"__metadata__\" has no place in a safetensors file; export all sections, which puts "
                  "the section in front of each name");
    }
    if (spec.alias_of.empty()) {
      order.push_back(i);
    } else if (name != kFrameworkKey && name != kOwnKey) {
      out.header.metadata[name] = name_in_file(spec, spec.alias_of, naming);
    }
    const bool is_text = spec.dtype == DType::json || spec.dtype == DType::bytes;
    if (spec.alias_of.empty() && !is_text && !safetensors_dtype(spec.dtype)) out.as_bytes.push_back(name);
  }
  // Widest first: every tensor then begins at a multiple of its element's size, since the header's length is one of 8.
  std::ranges::stable_sort(order, std::greater<>{}, [&](std::size_t i) {
    return safetensors_dtype(entries[i].dtype) ? element_bytes(entries[i].dtype) : 1;
  });
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    SafetensorsTensor tensor = tensor_of(entries[i], naming);
    tensor.begin = end;
    end += tensor.bytes;
    out.header.tensors.push_back(std::move(tensor));
  }
  out.sources = std::move(order);
  out.header.metadata[kFrameworkKey] = "pt";
  out.header.metadata[kOwnKey] = Json{
      {"format", kFormat},
      {"step", note.step},
      {"epoch", note.epoch},
      {"metadata", note.metadata},
      {"entries",
       description(entries, naming)}}.dump();
  return out;
}

/// Whose file it is, is told by the key alone. Taking it out makes an export an ordinary file, as the message of
/// throw_disagreement() advises.
IncomingState from_safetensors(const SafetensorsHeader& header, const std::string& subject) {
  const auto own = header.metadata.find(kOwnKey);
  return own == header.metadata.end() ? foreign_state(header) : own_state(own->second, header, subject);
}

/// Strings of an exported file are left out: they only repeat what became entries and metadata again.
std::string with_origin(const std::string& metadata, const std::string& file, std::uint64_t bytes, const BlobHash& hash,
                        const SafetensorsHeader& header) {
  Json origin = {{"file", file}, {"bytes", bytes}, {"xxh3_128", hash.hex()}};
  if (header.metadata.count(kOwnKey) == 0) {
    Json foreign = header.metadata;
    if (foreign.dump().size() <= kMaxForeignMetadata) origin["metadata"] = std::move(foreign);
  }
  // REQUIRES: a JSON object, as from_safetensors() has made sure of.
  Json all = parse_json(metadata).value();
  all["imported"] = std::move(origin);
  return all.dump();
}

}  // namespace lastgood::format
