#include "tests/fault/harness/collision.h"

#include <cstring>

namespace lastgood::test {

namespace {

constexpr unsigned char kSecretStart[] = {0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c};

void add(Bytes& bytes, std::size_t at, std::uint32_t what) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  value += what;
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

}  // namespace

Collision build_collision() {
  Collision pair{random_bytes(std::size_t{1} << 20, 11), {}};
  std::memcpy(pair.one.data(), kSecretStart, 4);
  std::memcpy(pair.one.data() + 64, kSecretStart + 8, 4);
  pair.two = pair.one;
  add(pair.two, 4, 12345);
  add(pair.two, 68, static_cast<std::uint32_t>(-12345));
  return pair;
}

}  // namespace lastgood::test
