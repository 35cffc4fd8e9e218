// Dtypes and sections: the numbers, words and widths of FORMAT.md, "Manifest". The public views of the catalog spell
// the same words in SQL (schema_ddl.h), for programs that have none of this code: a new row belongs into both.
#include <lastgood/tensor.h>

#include <array>
#include <utility>

namespace lastgood {
namespace {

struct DTypeRow {
  DType dtype;
  const char* name;
  std::size_t bytes;
};

// In the order of the enumerators, by whose value the functions below find the row. An enumerator is a number of the
// on-disk format: rows are only ever added, at the end.
constexpr std::array kDTypes = {
    DTypeRow{DType::bytes, "bytes", 1},
    DTypeRow{DType::json, "json", 1},
    DTypeRow{DType::boolean, "bool", 1},
    DTypeRow{DType::uint8, "uint8", 1},
    DTypeRow{DType::int8, "int8", 1},
    DTypeRow{DType::uint16, "uint16", 2},
    DTypeRow{DType::int16, "int16", 2},
    DTypeRow{DType::uint32, "uint32", 4},
    DTypeRow{DType::int32, "int32", 4},
    DTypeRow{DType::uint64, "uint64", 8},
    DTypeRow{DType::int64, "int64", 8},
    DTypeRow{DType::float16, "float16", 2},
    DTypeRow{DType::bfloat16, "bfloat16", 2},
    DTypeRow{DType::float32, "float32", 4},
    DTypeRow{DType::float64, "float64", 8},
    DTypeRow{DType::complex32, "complex32", 4},
    DTypeRow{DType::complex64, "complex64", 8},
    DTypeRow{DType::complex128, "complex128", 16},
    DTypeRow{DType::float8_e4m3fn, "float8_e4m3fn", 1},
    DTypeRow{DType::float8_e5m2, "float8_e5m2", 1},
    DTypeRow{DType::float8_e4m3fnuz, "float8_e4m3fnuz", 1},
    DTypeRow{DType::float8_e5m2fnuz, "float8_e5m2fnuz", 1},
};

// By the enumerator's value, as above.
constexpr std::array kSections = {"model", "optimizer", "scheduler", "rng", "extra"};

}  // namespace

const char* to_string(DType dtype) noexcept {
  const auto index = static_cast<std::size_t>(dtype);
  return index < kDTypes.size() ? kDTypes[index].name : "unknown";
}

// A walk through the table: it is asked for words of files and arguments, not in any loop over elements.
std::optional<DType> dtype_from_string(std::string_view name) {
  for (const DTypeRow& row : kDTypes) {
    if (name == row.name) return row.dtype;
  }
  return std::nullopt;
}

/// 0 for a number that is no dtype: a cast from a file's byte is checked by it.
std::size_t element_bytes(DType dtype) noexcept {
  const auto index = static_cast<std::size_t>(dtype);
  return index < kDTypes.size() ? kDTypes[index].bytes : 0;
}

const char* to_string(Section section) noexcept {
  const auto index = static_cast<std::size_t>(section);
  return index < kSections.size() ? kSections[index] : "unknown";
}

std::optional<Section> section_from_string(std::string_view name) {
  for (std::size_t i = 0; i < kSections.size(); ++i) {
    if (name == kSections[i]) return static_cast<Section>(i);
  }
  return std::nullopt;
}

/// Neither negative sizes nor an overflow are caught here: format::check_spec() and the decoder of manifests do that
/// first.
std::uint64_t EntrySpec::byte_count() const {
  std::uint64_t count = element_bytes(dtype);
  for (const std::int64_t size : shape) count *= static_cast<std::uint64_t>(size);
  return count;
}

}  // namespace lastgood
