#include <lastgood/doctor.h>
#include <lastgood/session.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/sample_state.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;

namespace {

EntrySpec tensor(Section section, const std::string& name) {
  return {section, name, DType::float32, {4}, {}};
}

EntrySpec text(Section section, const std::string& name) {
  return {section, name, DType::json, {2}, {}};
}

/// A state that lacks nothing, but for what a test takes out.
std::vector<EntrySpec> whole() {
  return {tensor(Section::model, "model.weight"),
          text(Section::optimizer, "adam.param_groups.0"),
          tensor(Section::optimizer, "adam.state.model.weight.exp_avg"),
          text(Section::scheduler, "warmup"),
          text(Section::extra, "data"),
          {Section::rng, "default.cpu", DType::bytes, {8}, {}}};
}

std::vector<EntrySpec> without(Section section) {
  std::vector<EntrySpec> entries = whole();
  std::erase_if(entries, [&](const EntrySpec& entry) { return entry.section == section; });
  return entries;
}

std::string text_of(const EntrySpec& entry) {
  return entry.name == "data" ? R"({"type":"DataPosition"})" : "{}";
}

/// "critical: ...", or nothing.
std::string worst(const std::vector<EntrySpec>& entries) {
  const Diagnosis diagnosis = doctor(entries, text_of);
  if (diagnosis.findings.empty()) return {};
  const Finding& finding = diagnosis.findings.front();
  CHECK_FALSE(finding.advice.empty());
  return std::string(to_string(finding.severity)) + ": " + finding.message;
}

}  // namespace

TEST_CASE("Of a whole state the doctor finds nothing, and lists its parts") {
  const Diagnosis diagnosis = doctor(whole(), text_of);
  CHECK(diagnosis.findings.empty());
  CHECK(diagnosis.can_be_exact());
  REQUIRE(diagnosis.captured.size() == 5);
  CHECK(diagnosis.captured[0].name == "model");
  CHECK(diagnosis.captured[1].name == "adam");
  CHECK(diagnosis.captured[1].section == Section::optimizer);
  CHECK(diagnosis.captured[1].entries == 2);
  CHECK(diagnosis.captured[1].bytes == 18);
}

TEST_CASE("A tied entry counts its bytes once") {
  std::vector<EntrySpec> entries = whole();
  entries.push_back({Section::model, "model.tied", DType::float32, {4}, "model.weight"});
  const Diagnosis diagnosis = doctor(entries, text_of);
  CHECK(diagnosis.captured[0].entries == 2);
  CHECK(diagnosis.captured[0].bytes == 16);
}

TEST_CASE("Without a model, or without generators, a resume cannot be exact") {
  CHECK_THAT(worst(without(Section::rng)), Contains("critical: no random generator is captured"));
  std::vector<EntrySpec> entries = without(Section::model);
  std::erase_if(entries, [](const EntrySpec& entry) { return entry.section == Section::optimizer; });
  CHECK(worst(entries) == "critical: no model is captured");
  CHECK_FALSE(doctor(entries, text_of).can_be_exact());
}

TEST_CASE("State of an optimizer for parameters that no model holds is critical, and names them") {
  std::vector<EntrySpec> entries = whole();
  entries.push_back(tensor(Section::optimizer, "adam.state.head.bias.exp_avg"));
  entries.push_back(tensor(Section::optimizer, "adam.state.head.bias.exp_avg_sq"));
  entries.push_back(tensor(Section::optimizer, "adam.state.head.weight.exp_avg"));
  CHECK(worst(entries) ==
        "critical: the optimizer adam has state of head.bias and 1 more, which no captured model holds");
}

TEST_CASE("A missing schedule is worth a look, and only where there is an optimizer") {
  CHECK(worst(without(Section::scheduler)) == "info: no schedule is captured");
  std::vector<EntrySpec> entries = without(Section::scheduler);
  std::erase_if(entries, [](const EntrySpec& entry) { return entry.section == Section::optimizer; });
  CHECK(worst(entries).empty());
}

TEST_CASE("An optimizer without any state is worth a look") {
  std::vector<EntrySpec> entries = whole();
  std::erase_if(entries, [](const EntrySpec& entry) { return entry.name.ends_with("exp_avg"); });
  CHECK(worst(entries) == "info: the optimizer adam has no state");
}

TEST_CASE("An unknown position in the data is a warning, unless another text may tell it") {
  CHECK_THAT(worst(without(Section::extra)), Contains("warning: the position in the data is unknown"));
  std::vector<EntrySpec> entries = without(Section::extra);
  entries.push_back(text(Section::extra, "model.training"));
  entries.push_back(text(Section::extra, "training_run"));  // a TrainingRun's counts, which are no text of the user's
  CHECK_THAT(worst(entries), Contains("warning: the position"));
  entries.push_back(text(Section::extra, "cursor"));
  CHECK_THAT(worst(entries), Contains("info: the position"));
}

TEST_CASE("The doctor reads a checkpoint of a store, and knows one that is not there") {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  Session session = store.start_session("demo");
  const CheckpointId id = session.save(sample_state(1).views(), {.step = 1}).value();
  const Diagnosis diagnosis = doctor(store, id);
  CHECK_FALSE(diagnosis.captured.empty());
  CHECK_FALSE(diagnosis.can_be_exact());
  CHECK(thrown_by([&] { doctor(store, CheckpointId{99}); }).code() == ErrorCode::not_found);
}
