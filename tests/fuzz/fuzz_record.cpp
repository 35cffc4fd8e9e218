// A record of any bytes. JSON of others need not be ours, but what decodes must encode, and then stay as it is.
#include "store/format/record.h"
#include "tests/fuzz/input.h"

using namespace lastgood;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::refuse_or([&] {
    const auto own = format::encode(format::decode_record(fuzz::input(data, size)));
    fuzz::expect(format::encode(format::decode_record(own)) == own);
  });
  return 0;
}
