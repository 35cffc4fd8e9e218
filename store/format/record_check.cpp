// The parser keeps a stack of its own and does not recurse. Depth is capped all the same: what it builds is written out
// again by recursion, also by whoever reads our metadata elsewhere.
#include "store/format/record_check.h"

#include <lastgood/error.h>

#include "store/format/manifest.h"
#include "store/format/text.h"

namespace lastgood::format {
namespace {

using Json = nlohmann::json;

/// Thrown through the parser, which has no other way to stop. Never leaves parse_json().
struct TooDeep {};

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes && is_clean_text(name);
}

std::optional<std::string> metrics_defect(const Record& record) {
  const std::string* previous = nullptr;
  for (const auto& [name, value] : record.metrics) {
    if (!is_name(name)) {
      return "the metric " + in_quotes(name) + " needs a name of 1 to 4096 bytes of UTF-8 without control characters";
    }
    // Sorted, so that each stands once and equal records are equal lists.
    if (previous != nullptr && name <= *previous)
      return "the metric " + in_quotes(name) + " is out of order or there twice";
    previous = &name;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Json> parse_json(std::string_view text) {
  // The parser calls back before it descends.
  const auto limit_depth = [](int depth, Json::parse_event_t, const Json&) {
    if (depth > kMaxJsonDepth) throw TooDeep();
    return true;
  };
  try {
    return Json::parse(text, limit_depth);
  } catch (const TooDeep&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::optional<std::string> find_defect(const Record& record) {
  if (!is_name(record.run)) return "the run needs a name of 1 to 4096 bytes of UTF-8 without control characters";
  if (record.step < 0) return "the step is negative (" + std::to_string(record.step) + ")";
  if (record.sequence < 0) return "the sequence number is negative (" + std::to_string(record.sequence) + ")";
  if (record.bytes_new > std::uint64_t{INT64_MAX}) return "the number of new bytes is impossible";
  if (record.kind > CheckpointKind::imported) return "the kind of checkpoint is unknown";
  if (record.stability > Stability::unstable) return "the stability is unknown";
  if (auto defect = metrics_defect(record)) return defect;
  if (record.metadata.size() > kMaxMetadataBytes) return "the metadata is longer than 1 MiB";
  const auto metadata = parse_json(record.metadata);
  if (!metadata || !metadata->is_object()) {
    return "the metadata is not a JSON object, or nested more than 64 levels deep";
  }
  return std::nullopt;
}

void check_record(const Record& record) {
  if (const auto defect = find_defect(record)) throw Error(ErrorCode::invalid_argument, record.run, *defect);
}

}  // namespace lastgood::format
