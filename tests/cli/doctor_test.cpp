// lastgood doctor: what is captured and what looks to be missing.
#include <catch2/catch.hpp>

#include <lastgood/verify.h>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

TEST_CASE("doctor lists what the head holds, and tells what looks to be missing, worst first") {
  const BranchedStore sample;
  const Finished doctor = lastgood(sample.path(), {"doctor"});
  CHECK(doctor.exit == 3);
  CHECK(without_chance(doctor.out) ==
        "SECTION PART ENTRIES SIZE\n"
        "model frozen 1 SIZE\n"
        "model layer 1 SIZE\n"
        "extra position 1 SIZE\n"
        "critical: no random generator is captured: dropout, shuffling and augmentation go another way\n"
        " capture with TrainingState, which adds the default ones, and register private ones with add_generator()\n"
        "info: the position in the data is unknown: a resume in mid-epoch repeats batches or leaves some out\n"
        " register it with add_data_position(), unless one of the JSON values of yours tells it\n");
}

TEST_CASE("doctor --json has the parts, the findings and whether a resume can be exact") {
  const BranchedStore sample;
  const auto document = lastgood(sample.path(), {"doctor", "1", "--json"}).json();
  CHECK(document["schema"] == 1);
  CHECK(document["checkpoint"] == 1);
  CHECK(document["exact"] == false);
  CHECK(document["captured"][1] ==
        nlohmann::json{{"section", "model"}, {"name", "layer"}, {"entries", 1}, {"bytes", 262'144}});
  CHECK(document["findings"][0]["severity"] == "critical");
  CHECK(document["findings"][0].contains("advice"));
}

TEST_CASE("doctor names the checkpoints that are known to be damaged, points at verify, and exits 20") {
  const BranchedStore sample;
  sample.train("other", 5);  // the newest, 10, is the only one of step 125
  CHECK(lastgood(sample.path(), {"doctor", "1", "--json"}).json()["damaged"].empty());
  sample.damage_newest();
  CHECK(lastgood(sample.path(), {"doctor", "1"}).exit == 3);  // nobody has met it yet
  REQUIRE_FALSE(verify(sample.open()).ok());
  const Finished doctor = lastgood(sample.path(), {"doctor", "1"});
  CHECK(doctor.exit == 20);
  CHECK_THAT(doctor.out, Catch::Contains("critical: 1 checkpoint known to be damaged: 10\n"
                                         "  a resume passes over what is marked; `lastgood verify` tells"));
  const Finished json = lastgood(sample.path(), {"doctor", "1", "--json"});
  CHECK(json.exit == 20);
  CHECK(json.json()["damaged"] == nlohmann::json{10});
  CHECK(lastgood(sample.path(), {"doctor", "1", "--run", "demo"}).exit == 3);
}

TEST_CASE("doctor says where there is no such checkpoint, and no store") {
  const BranchedStore sample;
  const Finished absent = lastgood(sample.path(), {"doctor", "77"});
  CHECK(absent.exit == 1);
  CHECK(absent.err.find("77") != std::string::npos);
  CHECK(lastgood(sample.path() / "nowhere", {"doctor"}).exit == 10);
}

}  // namespace lastgood::test
