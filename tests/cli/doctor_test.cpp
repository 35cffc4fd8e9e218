// lastgood doctor: what is captured and what looks to be missing.
#include <catch2/catch.hpp>

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

TEST_CASE("doctor says where there is no such checkpoint, and no store") {
  const BranchedStore sample;
  const Finished absent = lastgood(sample.path(), {"doctor", "77"});
  CHECK(absent.exit == 1);
  CHECK(absent.err.find("77") != std::string::npos);
  CHECK(lastgood(sample.path() / "nowhere", {"doctor"}).exit == 10);
}

}  // namespace lastgood::test
