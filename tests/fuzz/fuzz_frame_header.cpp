// A frame's header of any bytes; what decodes encodes to the same bytes again.
#include <algorithm>
#include <cstring>

#include "store/format/digest.h"
#include "store/format/frame.h"
#include "tests/fuzz/input.h"

using namespace lastgood;
using namespace lastgood::format;

namespace {

/// Makes magic and checksum right: by luck, a fuzzer would hardly ever get past them.
HeaderBytes plausible(std::span<const std::byte> bytes) {
  HeaderBytes header{};
  std::ranges::copy(bytes.first(std::min(bytes.size(), header.size())), header.begin());
  std::memcpy(header.data(), "LGFR", 4);
  const std::uint64_t sum = checksum(std::span(header).first<56>());
  for (std::size_t i = 0; i < 8; ++i) header[56 + i] = static_cast<std::byte>(sum >> (8 * i));
  return header;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::input(data, size);
  fuzz::refuse_or([&] { decode_frame_header(bytes, Uuid{}, 0); });
  fuzz::refuse_or([&] { decode_pack_header(bytes); });
  const HeaderBytes header = plausible(bytes);
  Uuid pack;
  std::memcpy(pack.bytes.data(), header.data() + 40, 8);
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < 8; ++i) offset |= std::to_integer<std::uint64_t>(header[48 + i]) << (8 * i);
  fuzz::refuse_or([&] {
    const FrameHeader decoded = decode_frame_header(header, pack, offset);
    fuzz::expect(decoded.raw_bytes <= kMaxPayload && decoded.stored_bytes <= kMaxPayload);
    fuzz::expect(encode(decoded, pack, offset) == header);
  });
  return 0;
}
