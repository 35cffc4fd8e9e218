// Where an event may come, and what follows from it: an object opens the document, then the metadata or one tensor; a
// key names a tensor or a field; arrays are shapes and offsets, of numbers alone. An event in any other place is an
// error that names what it was met in. So nothing nests.
#include "store/format/safetensors_reader.h"

#include <algorithm>
#include <utility>

#include <lastgood/error.h>

#include "store/format/manifest.h"
#include "store/format/text.h"

namespace lastgood::format {
namespace {

constexpr std::string_view kMetadata = "__metadata__";

/// The inverse of safetensors_dtype(), whose table is the only one.
std::optional<DType> dtype_named(std::string_view name) {
  for (unsigned i = 0; i <= static_cast<unsigned>(DType::float8_e5m2fnuz); ++i) {
    if (safetensors_dtype(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

/// Nothing where the product has no place in 63 bits.
std::optional<std::uint64_t> bytes_of(const SafetensorsTensor& tensor) {
  if (std::ranges::find(tensor.shape, 0) != tensor.shape.end()) return 0;
  std::uint64_t bytes = element_bytes(tensor.dtype);
  for (const std::int64_t size : tensor.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes) || bytes > INT64_MAX) return {};
  }
  return bytes;
}

}  // namespace

void throw_bad_safetensors(const std::string& subject, const std::string& what) {
  throw Error(ErrorCode::corruption, subject, subject + " is not a whole safetensors file: " + what);
}

void SafetensorsReader::fail(const std::string& what) const {
  throw_bad_safetensors(subject_, what);
}

bool SafetensorsReader::unexpected() const {
  switch (place_) {
    case Place::start: fail("its header is not a JSON object");
    case Place::names: fail(in_quotes(tensor_.name) + " is described by something else than an object");
    case Place::metadata: fail("the metadata " + in_quotes(key_) + " is not a string");
    case Place::tensor:
      fail("the tensor " + in_quotes(tensor_.name) + " has a " + in_quotes(key_) + " of another type");
    case Place::shape: fail("the shape of the tensor " + in_quotes(tensor_.name) + " is not a list of sizes");
    case Place::offsets: fail("the data_offsets of the tensor " + in_quotes(tensor_.name) + " are not two numbers");
  }
  fail("its header is damaged");
}

// Sizes and offsets are all the numbers there are, and neither is ever negative or a fraction.
bool SafetensorsReader::number_unsigned(number_unsigned_t value) {
  if (place_ == Place::shape) {
    if (value > INT64_MAX || tensor_.shape.size() == kMaxDimensions) {
      fail("the tensor " + in_quotes(tensor_.name) + " has a size beyond 63 bits, or more than 64 dimensions");
    }
    tensor_.shape.push_back(static_cast<std::int64_t>(value));
  } else if (place_ == Place::offsets && offsets_.size() < 2) {
    offsets_.push_back(value);
  } else {
    unexpected();
  }
  return true;
}

// A dtype is only noted here. Whether it is known can wait for the tensor's end, where the message can name the tensor.
bool SafetensorsReader::string(string_t& value) {
  if (place_ == Place::metadata) {
    header_.metadata[key_] = std::move(value);
  } else if (place_ == Place::tensor && key_ == "dtype") {
    dtype_ = std::move(value);
  } else {
    unexpected();
  }
  return true;
}

bool SafetensorsReader::start_object(std::size_t) {
  if (place_ == Place::start) {
    place_ = Place::names;
  } else if (place_ == Place::names) {
    place_ = tensor_.name == kMetadata ? Place::metadata : Place::tensor;
  } else {
    unexpected();
  }
  return true;
}

bool SafetensorsReader::key(string_t& name) {
  if (place_ == Place::names) {
    if (!names_.insert(name).second) fail(in_quotes(name) + " is there twice");
    // While they come in, not at the end: memory stays bounded by what a manifest may have.
    if (names_.size() > kMaxEntries) fail("it has more than " + std::to_string(kMaxEntries) + " tensors");
    tensor_ = {.name = std::move(name), .shape = {}};
    // A new tensor: fields that were seen belong to the one before.
    fields_.clear();
    return true;
  }
  key_ = std::move(name);
  if (place_ == Place::metadata) {
    if (header_.metadata.count(key_) != 0) fail("the metadata " + in_quotes(key_) + " is there twice");
  } else {
    if (key_ != "dtype" && key_ != "shape" && key_ != "data_offsets") {
      fail("the tensor " + in_quotes(tensor_.name) + " has an unknown field " + in_quotes(key_));
    }
    if (!fields_.insert(key_).second) {
      fail("the tensor " + in_quotes(tensor_.name) + " has its " + in_quotes(key_) + " twice");
    }
  }
  return true;
}

// Also at the document's end: what could follow there is the parser's to refuse.
bool SafetensorsReader::end_object() {
  if (place_ == Place::tensor) finish_tensor();
  place_ = Place::names;
  return true;
}

bool SafetensorsReader::start_array(std::size_t) {
  if (place_ == Place::tensor && key_ == "shape") {
    place_ = Place::shape;
  } else if (place_ == Place::tensor && key_ == "data_offsets") {
    offsets_.clear();
    place_ = Place::offsets;
  } else {
    unexpected();
  }
  return true;
}

bool SafetensorsReader::end_array() {
  if (place_ == Place::offsets && offsets_.size() != 2) unexpected();
  place_ = Place::tensor;
  return true;
}

bool SafetensorsReader::parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) {
  fail("its header is no valid JSON, from byte " + std::to_string(at) + " on");
}

/// In this order: all fields are there, the dtype is known, the shape has a size, the offsets span just that.
void SafetensorsReader::finish_tensor() {
  const std::string name = "the tensor " + in_quotes(tensor_.name);
  for (const char* field : {"dtype", "shape", "data_offsets"}) {
    if (fields_.count(field) == 0) fail(name + " has no \"" + field + "\"");
  }
  const std::optional<DType> dtype = dtype_named(dtype_);
  if (!dtype) {
    throw Error(ErrorCode::unsupported_version, subject_,
                subject_ + ": " + name + " is of dtype " + in_quotes(dtype_) +
                    ", which Lastgood does not have; convert it to another");
  }
  tensor_.dtype = *dtype;
  const std::optional<std::uint64_t> bytes = bytes_of(tensor_);
  if (!bytes) fail("the shape of " + name + " asks for more than 2^63 bytes");
  if (offsets_[0] > offsets_[1]) fail(name + " ends before it begins");
  tensor_.begin = offsets_[0];
  tensor_.bytes = *bytes;
  if (offsets_[1] - offsets_[0] != *bytes) {
    fail(name + " takes " + std::to_string(offsets_[1] - offsets_[0]) + " bytes, but its dtype and shape ask for " +
         std::to_string(*bytes));
  }
  header_.tensors.push_back(std::move(tensor_));
}

}  // namespace lastgood::format
