// The JSON of a safetensors header, event by event: a tree of a hostile header would take ten times its size. Duplicate
// keys, which a tree would quietly merge, are errors here.
#pragma once

#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "store/format/safetensors.h"

namespace lastgood::format {

/// Collects tensors and metadata in the order of the JSON. Checks each tensor by itself; how they lie beside one
/// another is the caller's to check. Throws Error(corruption | unsupported_version). For one header and one thread. The
/// return value of every event is true: nlohmann would turn false into an end without a reason, so all errors are
/// thrown.
class SafetensorsReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit SafetensorsReader(std::string subject) : subject_(std::move(subject)) {}

  SafetensorsHeader release() && { return std::move(header_); }

  bool null() override { return unexpected(); }
  bool boolean(bool) override { return unexpected(); }
  bool number_integer(number_integer_t) override { return unexpected(); }  // negative ones alone
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t, const string_t&) override { return unexpected(); }
  bool string(string_t& value) override;
  bool binary(binary_t&) override { return unexpected(); }
  bool start_object(std::size_t) override;
  bool key(string_t& name) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) override;

 private:
  /// Where in the document the next event stands. Nothing nests deeper: anything else than what the place expects is
  /// unexpected().
  enum class Place { start, names, metadata, tensor, shape, offsets };

  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] bool unexpected() const;
  void finish_tensor();

  std::string subject_;
  SafetensorsHeader header_;
  Place place_ = Place::start;
  std::set<std::string> names_;   // of all keys so far
  std::set<std::string> fields_;  // of this tensor, so far
  std::string key_;               // the latest within the metadata or the tensor
  std::string dtype_;
  std::vector<std::uint64_t> offsets_;
  SafetensorsTensor tensor_;
};

/// "model.safetensors is not a whole safetensors file: `what`"
[[noreturn]] void throw_bad_safetensors(const std::string& subject, const std::string& what);

}  // namespace lastgood::format
