// A tensor that no 32 bits can count. It takes 4 GiB of memory, and little disk: equal chunks are stored once.
#include <catch2/catch.hpp>

#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/torch.h>
#include <lastgood/verify.h>
#include <torch/torch.h>

#include "tests/support/temporary_directory.h"

namespace lastgood::test {
namespace {

constexpr std::int64_t kLimit = std::int64_t{1} << 32;
constexpr std::int64_t kSize = kLimit + (1 << 20);
constexpr std::uint8_t kSpoilt = 0xaa;
// Where a count that has lost its upper bits would end up: at the start.
constexpr std::int64_t kMarks[] = {0, 1, kLimit / 2, kLimit - 1, kLimit, kLimit + 1, kLimit + 70'000, kSize - 1};

// tests/CMakeLists.txt knows this name.
TEST_CASE("A tensor over 4 GiB comes back in place") {
  const TemporaryDirectory directory;
  Store store = Store::create(directory / "store");
  Session session = store.start_session("run");
  const torch::Tensor large = torch::zeros({kSize}, torch::kByte);
  auto* const bytes = large.data_ptr<std::uint8_t>();
  std::uint8_t next = 1;
  for (const std::int64_t mark : kMarks) bytes[mark] = next++;
  TrainingState state;
  state.add_tensor("large", large);

  const SaveOutcome saved = session.save(state.capture().views(), {.step = 1});
  REQUIRE(saved.ok());
  CHECK(saved.bytes_logical >= static_cast<std::uint64_t>(kSize));
  CHECK(saved.bytes_new < std::uint64_t{1} << 26);
  const VerifyReport report = verify(store, {.depth = VerifyDepth::data});
  CHECK(report.ok());
  CHECK(report.checkpoints == 1);

  large.fill_(kSpoilt);
  state.restore(store, saved.value(), {.staging = LoadStaging::verify_first});
  CHECK(large.data_ptr<std::uint8_t>() == bytes);
  next = 1;
  for (const std::int64_t mark : kMarks) CHECK(int{bytes[mark]} == int{next++});
  CHECK(torch::count_nonzero(large).item<std::int64_t>() == std::ssize(kMarks));
}

}  // namespace
}  // namespace lastgood::test
