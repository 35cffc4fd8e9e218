#include <catch2/catch.hpp>

#include <stdexcept>

#include <lastgood/error.h>
#include <torch/torch.h>

#include "tests/torch/memory_checkpoint.h"

namespace lastgood::test {
namespace {

TEST_CASE("Bytes of any value and number come back") {
  const std::string saved = GENERATE(std::string(), std::string("\0\xff{\n\0", 5), std::string(100'000, '\x80'));
  std::string value = saved;
  TrainingState state;
  state.add_bytes(
      "cache", [&] { return value; }, [&](const std::string& bytes) { value = bytes; });
  MemoryCheckpoint checkpoint(state);
  REQUIRE(checkpoint.entry("cache").spec ==
          EntrySpec{Section::extra, "cache", DType::bytes, {static_cast<std::int64_t>(saved.size())}, ""});
  value = "something else";
  checkpoint.restore(state);
  REQUIRE(value == saved);
}

/// A type of the user's with its own save and load.
struct Best : Stateful {
  std::string save_state() const override { return std::to_string(step); }
  void load_state(const std::string& json) override {
    const int loaded = std::stoi(json);
    if (loaded < 0) throw std::invalid_argument("a negative step");
    step = loaded;
  }
  int step = 0;
};

TEST_CASE("A value that saves and loads itself comes back, and one that refuses fails the restore by name") {
  Best best;
  std::string value = "old";
  TrainingState state;
  state.add_bytes(
      "cache", [&] { return value; }, [&](const std::string& bytes) { value = bytes; });
  state.add_json("best", best);
  best.step = 7;
  MemoryCheckpoint checkpoint(state);
  best.step = 9;
  value = "new";
  SECTION("it comes back") {
    checkpoint.restore(state);
    REQUIRE(best.step == 7);
    REQUIRE(value == "old");
  }
  SECTION("it refuses; bytes that were set before it are put back") {
    checkpoint.put("best", "-1");
    REQUIRE_THROWS_WITH(checkpoint.restore(state), Catch::Contains("best refused: a negative step"));
    REQUIRE(best.step == 9);
    REQUIRE(value == "new");
  }
}

TEST_CASE("A JSON text does not come back as bytes, and names are shared with all other parts") {
  Best best;
  TrainingState saved;
  saved.add_json("value", best);
  MemoryCheckpoint checkpoint(saved);
  std::string value = "mine";
  TrainingState state;
  state.add_bytes(
      "value", [&] { return value; }, [&](const std::string& bytes) { value = bytes; });
  REQUIRE_THROWS_WITH(checkpoint.restore(state), Catch::Contains("extra entry value"));
  REQUIRE(value == "mine");
  REQUIRE_THROWS_AS(state.add_json("value", best), Error);
}

}  // namespace
}  // namespace lastgood::test
