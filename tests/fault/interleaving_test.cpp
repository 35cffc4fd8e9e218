// Two processes at once: one works, and before each of its operations, in turn, another does all of its own work.
#include <catch2/catch.hpp>

#include "tests/fault/harness/expect.h"
#include "tests/fault/harness/neighbours.h"

namespace lastgood::test {
namespace {

TEST_CASE("a save keeps what it matches although it is forgotten and collected at any moment") {
  require_sound(interleave(save(Way::synchronous), "forget_and_collect", forget_and_collect), 185);
  require_sound(interleave(save(Way::synchronous), "collect_twice", collect_twice), 185);
}

TEST_CASE("a save keeps what it matches although a collection dies beside it") {
  std::uint64_t turn = 0;
  const auto other = [&](Stage& stage) { collect_and_die(stage, 30 + turn++ * 7 % 80); };
  require_sound(interleave(save(Way::synchronous), "collect_and_die", other), 185);
}

TEST_CASE("an asynchronous save keeps what it matches, too") {
  require_sound(interleave(save(Way::at_capture), "forget_and_collect", forget_and_collect), 185);
}

TEST_CASE("two saves of one content in two runs do not disturb each other") {
  require_sound(interleave(save(Way::synchronous), "save_beside", save_beside), 185);
}

TEST_CASE("a load returns the right bytes, or not_found, whatever is forgotten and punched meanwhile") {
  require_sound(interleave(load(2, true), "forget_and_collect", forget_and_collect, true), 40);
  require_sound(interleave(load(4, true), "forget_and_collect", forget_and_collect, true), 40);
}

TEST_CASE("a load returns the right bytes wherever they are moved meanwhile") {
  require_sound(interleave(load(4, false), "forget_and_collect", forget_and_collect, true), 40);
  require_sound(interleave(load(4, false), "collect_twice", collect_twice, true), 40);
}

TEST_CASE("a collection spares what a save brings or matches meanwhile") {
  require_sound(interleave(collect(), "save_beside", save_beside, true), 225);
  require_sound(interleave(collect_by_compaction(), "save_beside", save_beside), 225);
}

TEST_CASE("a save by a session that knows a blob from before the collection does not bring it back from the dead") {
  const Veteran veteran = collection_beside_veteran();
  require_sound(interleave(veteran.collection, "save_by_veteran", veteran.save), 100);
}

TEST_CASE("a second collection finds the first one at work and leaves it alone") {
  require_sound(interleave(collect_by_compaction(), "collect_now", collect_now), 225);
}

}  // namespace
}  // namespace lastgood::test
