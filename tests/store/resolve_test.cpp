#include <catch2/catch.hpp>

#include <lastgood/annotate.h>
#include <lastgood/history.h>

#include "tests/store/store_fixture.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Matchers::Contains;

namespace {

/// Run demo: 1 (step 100), 2 (200, stable), 3 (300); rolled back to 2; 4 (300 again), the head.
struct Branches : StoreFixture {
  Branches() {
    save({.step = 100, .entries = weights(1, 1)});
    save({.step = 200, .entries = weights(2, 1), .stability = Stability::stable});
    save({.step = 300, .entries = weights(3, 1)});
    rollback(store(), CheckpointId{2});
    save({.step = 300, .entries = weights(4, 1)});
  }
  std::int64_t id(std::string_view name, const std::optional<std::string>& run = {}) const {
    return resolve_checkpoint(store(), name, run).id.value;
  }
  Error failure(std::string_view name, const std::optional<std::string>& run = {}) const {
    return thrown_by([&] { resolve_checkpoint(store(), name, run); });
  }
};

}  // namespace

TEST_CASE("every way to name a checkpoint finds it") {
  Branches store;
  tag(store.store(), "best/of.all-1", CheckpointId{1});
  CHECK(store.id("3") == 3);
  CHECK(store.id("003") == 3);
  CHECK(store.id("best/of.all-1") == 1);
  CHECK(store.id("head") == 4);
  CHECK(store.id("latest") == 4);
  CHECK(store.id("last-stable") == 2);
  CHECK(store.id("step:200") == 2);
  CHECK(store.id("head", "demo") == 4);
}

TEST_CASE("latest is the newest save, also where the head was moved away from it") {
  Branches store;
  rollback(store.store(), CheckpointId{1});
  CHECK(store.id("latest") == 4);
  CHECK(store.id("head") == 1);
}

TEST_CASE("ancestors follow parents, not numbers") {
  Branches store;
  CHECK(store.id("head~0") == 4);
  CHECK(store.id("head~1") == 2);
  CHECK(store.id("head~2") == 1);
  CHECK(store.id("3~1") == 2);
  CHECK(store.id("step:200~1") == 1);
  const Error error = store.failure("head~3");
  CHECK(error.code() == ErrorCode::not_found);
  CHECK_THAT(error.what(), Contains("has 2 ancestors"));
  CHECK_THAT(store.failure("2~2").what(), Contains("has 1 ancestor"));
}

TEST_CASE("an id that is not there names the nearest ones") {
  Branches store;
  const Error error = store.failure("6");
  CHECK(error.code() == ErrorCode::not_found);
  CHECK(error.subject() == "6");
  CHECK_THAT(error.what(), Contains("there is no checkpoint 6; did you mean 4, 3 or 2?"));
}

TEST_CASE("a word that is no tag names the nearest tags and words") {
  Branches store;
  tag(store.store(), "baseline", CheckpointId{1});
  CHECK_THAT(store.failure("basline").what(), Contains("did you mean baseline?"));
  CHECK_THAT(store.failure("lastest").what(), Contains("did you mean latest?"));
  const Error stranger = store.failure("something-else");
  CHECK(stranger.code() == ErrorCode::not_found);
  CHECK_THAT(stranger.what(), !Contains("did you mean"));
}

TEST_CASE("a step that two branches passed is ambiguous, with the candidates") {
  Branches store;
  const Error error = store.failure("step:300");
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK_THAT(error.what(), Contains("ambiguous") && Contains("4, 3"));
}

TEST_CASE("a step that no checkpoint has names the nearest ones") {
  Branches store;
  const Error error = store.failure("step:199");
  CHECK(error.code() == ErrorCode::not_found);
  CHECK_THAT(error.what(), Contains("did you mean step:200, step:100 or step:300?"));
}

TEST_CASE("words mean those of a run, which must be said where there are several") {
  Branches store;
  store.save({.run = "other", .step = 7, .entries = weights(7, 1)});
  const Error error = store.failure("head");
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK_THAT(error.what(), Contains("demo") && Contains("other"));
  CHECK(store.id("head", "other") == 5);
  CHECK(store.id("head", "demo") == 4);
  CHECK(store.id("5") == 5);
  CHECK(store.id("5", "demo") == 5);  // ids know their run
}

TEST_CASE("a run that is not there names the nearest ones") {
  Branches store;
  const Error error = store.failure("head", "dmeo");
  CHECK(error.code() == ErrorCode::not_found);
  CHECK_THAT(error.what(), Contains("there is no run 'dmeo'; did you mean demo?"));
}

TEST_CASE("names mean nothing in an empty store") {
  StoreFixture store;
  for (const char* name : {"head", "latest", "last-stable", "step:1", "1", "best"}) {
    CHECK(thrown_by([&] { resolve_checkpoint(store.store(), name); }).code() == ErrorCode::not_found);
  }
}

TEST_CASE("last-stable looks only at intact checkpoints in the lineage of the head") {
  Branches store;
  set_stability(store.store(), CheckpointId{3}, Stability::stable);
  CHECK(store.id("last-stable") == 2);  // 3 is on the other branch
  set_stability(store.store(), CheckpointId{2}, Stability::unstable);
  const Error error = store.failure("last-stable");
  CHECK(error.code() == ErrorCode::not_found);
  CHECK_THAT(error.what(), Contains("stable and intact"));
  CHECK_FALSE(last_stable(store.store(), "demo"));
}

TEST_CASE("a word in the wrong case, and a ~ without its name or number, are answered with what is meant") {
  Branches store;
  CHECK(store.failure("HEAD").code() == ErrorCode::not_found);
  CHECK_THAT(store.failure("HEAD").what(), Contains("did you mean head?"));
  CHECK_THAT(store.failure("~").what(), Contains("nothing stands before the ~"));
  CHECK_THAT(store.failure("head~").what(), Contains("no number stands after the ~"));
}

TEST_CASE("what cannot be a name is refused, and shown without its control characters") {
  Branches store;
  for (const char* name : {"", "~1", "head~", "head~x", "head~-1", "head~1~2", "step:", "step:x", "step:-3", "a b",
                           "99999999999999999999", "head~99999999999999999999", "caf\xc3\xa9", "a\x1b[31mred"}) {
    const Error error = store.failure(name);
    CAPTURE(name);
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK_THAT(error.what(), Contains("is not the name of a checkpoint"));
    CHECK(std::string(error.what()).find('\x1b') == std::string::npos);
  }
}
