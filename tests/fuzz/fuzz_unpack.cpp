// A payload of any bytes, unpacked to a size that the input chooses; and any bytes packed and unpacked.
#include <algorithm>
#include <array>
#include <vector>

#include "store/format/codec.h"
#include "tests/fuzz/input.h"

using namespace lastgood;
using namespace lastgood::format;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const auto codec = static_cast<Codec>(data[0]);
  std::vector<std::byte> raw(static_cast<std::size_t>(data[1]) | static_cast<std::size_t>(data[2]) << 8);
  static constexpr std::array<std::size_t, 6> kWidths = {1, 2, 3, 4, 8, 16};
  const std::size_t width = kWidths[data[3] % kWidths.size()];
  const auto payload = fuzz::input(data, size).subspan(4);
  fuzz::refuse_or([&] { unpack(codec, payload, raw); });
  if (const auto packed = pack(payload, width)) {
    std::vector<std::byte> back(payload.size());
    unpack(packed->codec, packed->bytes, back);
    fuzz::expect(std::ranges::equal(back, payload));
  }
  return 0;
}
