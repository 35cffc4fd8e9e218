// Every operation of what the store does, in turn: kill, power loss of every kind, errors, short writes.
#include "tests/fault/harness/sweep.h"

#include <span>

#include <catch2/catch.hpp>

#include "tests/fault/harness/expect.h"

namespace lastgood::test {
namespace {

TEST_CASE("a synchronous save survives a kill before every operation") {
  require_sound(sweep(save(Way::synchronous), std::span(kKills).first(1), kAllLosses), 185);
}

TEST_CASE("a synchronous save survives a kill in the midst of every operation") {
  require_sound(sweep(save(Way::synchronous), std::span(kKills).last(1), kAllLosses), 185);
}

TEST_CASE("a synchronous save survives an input or output error at every operation") {
  require_sound(sweep(save(Way::synchronous), std::span(kErrors).first(2), kOneLoss), 370);
}

TEST_CASE("a synchronous save survives a full disk, a short write and a failed sync at every operation") {
  require_sound(sweep(save(Way::synchronous), std::span(kErrors).subspan(2), kOneLoss), 530);
}

// An asynchronous save does the same as a synchronous one, on another thread.
TEST_CASE("an asynchronous save survives a kill and an error at every operation") {
  require_sound(sweep(save(Way::at_capture), kKills, kOneLoss), 370);
  require_sound(sweep(save(Way::at_capture), kFewErrors, {}), 390);
}

TEST_CASE("an overlapped save survives a kill and an error at every operation") {
  require_sound(sweep(save(Way::overlapped), kKills, kOneLoss), 370);
  require_sound(sweep(save(Way::overlapped), kFewErrors, {}), 390);
}

TEST_CASE("forgetting survives a kill and an error at every operation") {
  require_sound(sweep(forget(), kKills, kAllLosses), 90);
  require_sound(sweep(forget(), kErrors, kOneLoss), 225);
}

TEST_CASE("a collection that punches survives a kill at every operation") {
  require_sound(sweep(collect(), kKills, kAllLosses), 205);
}

TEST_CASE("a collection that punches survives an error at every operation") {
  require_sound(sweep(collect(), kErrors, kOneLoss), 500);
}

TEST_CASE("a collection that compacts survives a kill at every operation") {
  require_sound(sweep(collect_by_compaction(), kKills, kAllLosses), 450);
}

TEST_CASE("a collection that compacts survives an error at every operation") {
  require_sound(sweep(collect_by_compaction(), kFewErrors, kOneLoss), 480);
}

TEST_CASE("a session's begin and end survive a kill and an error at every operation") {
  require_sound(sweep(session(), kKills, kFewLosses), 150);
  require_sound(sweep(session(), kFewErrors, {}), 160);
}

TEST_CASE("rollbacks survive a kill and an error at every operation") {
  require_sound(sweep(rollback(), kKills, kFewLosses), 175);
  require_sound(sweep(rollback(), kFewErrors, {}), 190);
}

TEST_CASE("a creation leaves nothing that the next one does not take up, or a whole store") {
  require_sound(sweep(create(), kKills, kAllLosses), 125);
  require_sound(sweep(create(), kFewErrors, {}), 130);
}

TEST_CASE("a rebuild survives a kill at every operation") {
  require_sound(sweep(rebuild(), kKills, kFewLosses), 330);
}

TEST_CASE("a rebuild survives an error at every operation") {
  require_sound(sweep(rebuild(), kFewErrors, {}), 330);
}

}  // namespace
}  // namespace lastgood::test
