// The header of a safetensors file of any bytes; what decodes encodes, and then decodes to the same. What is then taken
// for a state is one that an export can write.
#include "store/format/exchange.h"
#include "store/format/safetensors.h"
#include "tests/fuzz/input.h"

using namespace lastgood;
using namespace lastgood::format;

namespace {

SafetensorsHeader decode(std::span<const std::byte> file, std::uint64_t buffer_bytes) {
  const std::uint64_t length = safetensors_json_bytes(file, file.size() + buffer_bytes, "input");
  fuzz::expect(length <= kMaxSafetensorsHeader && length <= file.size() + buffer_bytes - kSafetensorsPrefix);
  if (length > file.size() - kSafetensorsPrefix) return {};
  const auto json = file.subspan(kSafetensorsPrefix, static_cast<std::size_t>(length));
  return decode_safetensors(json, file.size() + buffer_bytes - kSafetensorsPrefix - length, "input");
}

/// JSON alone: a fuzzer would hardly ever get the length right. The first byte tells what follows the header.
SafetensorsHeader decode_json(std::span<const std::byte> input) {
  return decode_safetensors(input.subspan(1), std::to_integer<std::uint64_t>(input[0]), "input");
}

/// Names may be such as the store does not take.
void exchange(const SafetensorsHeader& header) {
  try {
    const IncomingState state = from_safetensors(header, "input");
    std::vector<EntrySpec> specs;
    for (const IncomingEntry& entry : state.entries) specs.push_back(entry.spec);
    const SafetensorsHeader again = to_safetensors(specs, state.note, Naming::with_section).header;
    const IncomingState back = from_safetensors(again, "again");
    fuzz::expect(back.entries.size() == specs.size());
    for (std::size_t i = 0; i < specs.size(); ++i) fuzz::expect(back.entries[i].spec == specs[i]);
  } catch (const Error& error) {
    fuzz::expect(error.subject() != "again");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::input(data, size);
  try {
    decode(bytes, 0);
  } catch (const Error&) {
  }
  if (bytes.empty()) return 0;
  fuzz::refuse_or([&] {
    const SafetensorsHeader header = decode_json(bytes);
    const std::uint64_t buffer = header.tensors.empty() ? 0 : header.tensors.back().begin + header.tensors.back().bytes;
    fuzz::expect(buffer == std::to_integer<std::uint64_t>(bytes[0]));
    fuzz::expect(decode(encode(header), buffer) == header);
    exchange(header);
  });
  return 0;
}
