// Decoding takes the fields one by one and names the one that is wrong, instead of mapping the object as a whole. Keys
// that are not known are passed over, as a newer version may add some.
#include "store/format/record.h"

#include <cmath>
#include <limits>
#include <string_view>

#include <lastgood/error.h>

#include "store/format/record_check.h"
#include "store/format/text.h"

namespace lastgood::format {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kFormat = 1;

[[noreturn]] void throw_damaged(const std::string& what) {
  throw Error(ErrorCode::corruption, "record", "the record is damaged: " + what);
}

// JSON has no numbers for these three.
Json metric_to_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

double metric_from_json(const std::string& name, const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  throw_damaged("the metric " + in_quotes(name) + " is no number");
}

/// No field is optional, so that a reader need not know defaults; a missing one is damage.
const Json& field(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) throw_damaged(std::string("\"") + key + "\" is missing");
  return *found;
}

/// The JSON parser keeps integers of either sign apart from doubles; what is beyond 63 bits would wrap around in a
/// cast.
std::int64_t take_integer(const Json& object, const char* key) {
  const Json& value = field(object, key);
  const bool fits =
      value.is_number_unsigned() ? value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX} : value.is_number_integer();
  if (!fits) throw_damaged(std::string("\"") + key + "\" is no 64-bit integer");
  return value.get<std::int64_t>();
}

std::string take_string(const Json& object, const char* key) {
  const Json& value = field(object, key);
  if (!value.is_string()) throw_damaged(std::string("\"") + key + "\" is no string");
  return value.get<std::string>();
}

/// A Uuid or a BlobHash.
template <class Value>
Value take_hex(const Json& object, const char* key) {
  const auto value = Value::from_hex(take_string(object, key));
  if (!value) throw_damaged(std::string("\"") + key + "\" is not 32 hexadecimal digits");
  return *value;
}

/// By the words of to_string(), which the format lists. REQUIRES: values are 0 to `last`.
template <class Enum>
Enum take_enum(const Json& object, const char* key, Enum last) {
  const std::string text = take_string(object, key);
  for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i) {
    if (text == to_string(static_cast<Enum>(i))) return static_cast<Enum>(i);
  }
  throw_damaged(std::string("\"") + key + "\" is " + in_quotes(text) + ", which this format does not know");
}

/// Before anything else is read: of a newer record not even the names of the fields are known.
void check_format(const Json& object) {
  const std::int64_t format = take_integer(object, "format");
  if (format > kFormat) {
    throw Error(ErrorCode::unsupported_version, "record",
                "the record was written by a newer Lastgood (record format " + std::to_string(format) +
                    "); read it with that version");
  }
  if (format < 1) throw_damaged("there is no format " + std::to_string(format));
}

void take_metrics(const Json& object, Record& record) {
  const Json& metrics = field(object, "metrics");
  if (!metrics.is_object()) throw_damaged("\"metrics\" is no object");
  for (const auto& [name, value] : metrics.items()) record.metrics.emplace_back(name, metric_from_json(name, value));
}

}  // namespace

/// Doubles are written so that they read back to the bit; a minus zero keeps its sign.
std::vector<std::byte> encode(const Record& record) {
  check_record(record);
  // A Json object sorts its keys, so that equal records have equal bytes.
  Json metrics = Json::object();
  for (const auto& [name, value] : record.metrics) metrics[name] = metric_to_json(value);
  const Json object = {
      {"format", kFormat},
      {"checkpoint", record.checkpoint.hex()},
      {"parent", record.parent ? Json(record.parent->hex()) : Json(nullptr)},
      {"session", record.session.hex()},
      {"run", record.run},
      {"step", record.step},
      {"epoch", record.epoch},
      {"kind", to_string(record.kind)},
      {"stability", to_string(record.stability)},
      {"created_at_ms", record.created_at_ms},
      {"sequence", record.sequence},
      {"manifest", record.manifest.hex()},
      {"bytes_new", record.bytes_new},
      {"metrics", std::move(metrics)},
      // As text: parsed and written again, numbers and spaces would not be as given.
      {"metadata", record.metadata},
  };
  const std::string text = object.dump();
  if (text.size() > kMaxRecordBytes) {
    throw Error(ErrorCode::invalid_argument, record.run, "metrics and metadata together take more than 4 MiB");
  }
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Record decode_record(std::span<const std::byte> bytes) {
  if (bytes.size() > kMaxRecordBytes) throw_damaged("it is longer than 4 MiB");
  const auto object = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!object || !object->is_object()) throw_damaged("it is not a JSON object, or nested more than 64 levels deep");
  check_format(*object);
  Record record;
  record.checkpoint = take_hex<Uuid>(*object, "checkpoint");
  if (!field(*object, "parent").is_null()) record.parent = take_hex<Uuid>(*object, "parent");
  record.session = take_hex<Uuid>(*object, "session");
  record.run = take_string(*object, "run");
  record.step = take_integer(*object, "step");
  record.epoch = take_integer(*object, "epoch");
  record.kind = take_enum(*object, "kind", CheckpointKind::imported);
  record.stability = take_enum(*object, "stability", Stability::unstable);
  record.created_at_ms = take_integer(*object, "created_at_ms");
  record.sequence = take_integer(*object, "sequence");
  record.manifest = take_hex<BlobHash>(*object, "manifest");
  const std::int64_t bytes_new = take_integer(*object, "bytes_new");
  if (bytes_new < 0) throw_damaged("\"bytes_new\" is negative");
  record.bytes_new = static_cast<std::uint64_t>(bytes_new);
  take_metrics(*object, record);
  record.metadata = take_string(*object, "metadata");
  // What a save may not write, a reader does not take: the catalog's rows are made of it in a rebuild.
  if (const auto defect = find_defect(record)) throw_damaged(*defect);
  return record;
}

}  // namespace lastgood::format
