// A manifest of any bytes; the encoding is canonical, so what decodes encodes to the same bytes again.
#include <algorithm>

#include "store/format/manifest.h"
#include "tests/fuzz/input.h"

using namespace lastgood;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::input(data, size);
  fuzz::refuse_or([&] { fuzz::expect(std::ranges::equal(format::encode(format::decode_manifest(bytes)), bytes)); });
  return 0;
}
