#include <lastgood/annotate.h>
#include <lastgood/gc.h>
#include <lastgood/history.h>
#include <lastgood/load.h>
#include <lastgood/session.h>

#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "store/io/file_system.h"
#include "tests/support/sample_state.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

struct Fixture {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  Session session = store.start_session("demo", {.threads = 2, .chunk_bytes = 64 * 1024});
  SampleState state = sample_state(1);
  CheckpointId id = session.save(state.views(), {.step = 1}).value();

  std::filesystem::path pack() const { return std::filesystem::directory_iterator(store.path() / "blobs")->path(); }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A load fills the slots, staged or in two passes, on any number of threads") {
  const auto staging = GENERATE(LoadStaging::memory, LoadStaging::verify_first);
  const auto threads = GENERATE(1U, 3U);
  SampleState back = state.blank();
  load(store, id, back.slots(), {.staging = staging, .threads = threads});
  CHECK(back == state);
}

TEST_CASE_METHOD(Fixture, "The entries of a checkpoint are listed in the order of the save") {
  const std::vector<EntrySpec> specs = entries(store, id);
  REQUIRE(specs.size() == 6);
  CHECK(specs[1].name == "bias");
  CHECK(specs[5].section == Section::optimizer);
  CHECK(specs[5].shape == std::vector<std::int64_t>{300'001});
}

TEST_CASE_METHOD(Fixture, "A state that does not fit is told five mismatches, and how many more, and stays as it is") {
  SampleState other;
  for (int i = 0; i < 7; ++i) other.add("unknown" + std::to_string(i), random_bytes(10, 1));
  other.add("bias", random_bytes(41, 1));
  const SampleState before = other;
  const Error error = thrown_by([&] { load(store, id, other.slots()); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK_THAT(error.what(), Catch::Contains("model/unknown0: the checkpoint has no such entry"));
  CHECK_THAT(error.what(), Catch::Contains("and 8 more"));
  CHECK(other == before);
}

TEST_CASE_METHOD(Fixture, "Other shapes and dtypes, missing places, double slots are each named") {
  const auto text = [&](const std::vector<TensorSlot>& slots, LoadOptions options) {
    return std::string(thrown_by([&] { load(store, id, slots, options); }).what());
  };
  Bytes memory(400'000);
  const auto slot = [&](const std::string& name, DType dtype, std::int64_t size) {
    return TensorSlot{{Section::model, name, dtype, {size}, ""}, memory.data()};
  };
  CHECK_THAT(text({slot("bias", DType::uint8, 41)}, {.strict = false}),
             Catch::Contains("model/bias: the checkpoint has uint8 [40], the state uint8 [41]"));
  CHECK_THAT(text({slot("bias", DType::int8, 40)}, {.strict = false}), Catch::Contains("the state int8 [40]"));
  CHECK_THAT(text({slot("bias", DType::uint8, 40), slot("bias", DType::uint8, 40)}, {.strict = false}),
             Catch::Contains("two slots"));
  CHECK_THAT(text({}, {.patterns = {"b?as"}}), Catch::Contains("model/bias: the state has no place for this entry"));
  TensorSlot nowhere = slot("bias", DType::uint8, 40);
  nowhere.data = nullptr;
  CHECK_THAT(text({nowhere}, {.strict = false}), Catch::Contains("no memory"));
}

TEST_CASE_METHOD(Fixture, "Sections and patterns choose what is loaded to the host") {
  const auto names = [&](const LoadOptions& options) {
    std::vector<std::string> found;
    for (const HostEntry& entry : load_to_host(store, id, options)) found.push_back(entry.spec.name);
    return found;
  };
  CHECK(names({.section = Section::optimizer}) == std::vector<std::string>{"large.moment"});
  CHECK(names({.patterns = {"*a*n*"}}) == std::vector<std::string>{"gain", "large.moment"});
  CHECK(names({.section = Section::model, .patterns = {"large*", "empty"}}) ==
        std::vector<std::string>{"empty", "large"});
  const HostEntry bias = load_to_host(store, id, {.patterns = {"bias"}}).front();
  CHECK(std::equal(state["bias"].begin(), state["bias"].end(), bias.data.get()));
}

TEST_CASE_METHOD(Fixture,
                 "Damage is named with checkpoint, entry and pack, marks the checkpoint, and changes nothing") {
  const auto staging = GENERATE(LoadStaging::memory, LoadStaging::verify_first);
  {
    const auto file = io::posix_file_system().open(pack(), true);
    io::write_all(*file, 500'000, random_bytes(16, 7));
  }
  SampleState back = state.blank();
  const Error error = thrown_by([&] { load(store, id, back.slots(), {.staging = staging}); });
  CHECK(error.code() == ErrorCode::corruption);
  CHECK_THAT(error.what(), Catch::Contains("checkpoint " + std::to_string(id.value) + ", optimizer/large.moment"));
  CHECK_THAT(error.what(), Catch::Contains(pack().filename().string()));
  CHECK(back == state.blank());
  CHECK_FALSE(find_checkpoint(store, id)->intact);
}

TEST_CASE_METHOD(Fixture, "A missing or truncated pack is damage as well") {
  SECTION("missing") {
    std::filesystem::remove(pack());
  }
  SECTION("truncated") {
    std::filesystem::resize_file(pack(), 1000);
  }
  SampleState back = state.blank();
  CHECK(thrown_by([&] { load(store, id, back.slots()); }).code() == ErrorCode::corruption);
  CHECK(back == state.blank());
}

TEST_CASE_METHOD(Fixture, "A checkpoint that is not there is not found") {
  CHECK(thrown_by([&] { load(store, CheckpointId{99}, {}); }).code() == ErrorCode::not_found);
  CHECK(thrown_by([&] { load_to_host(store, CheckpointId{99}); }).code() == ErrorCode::not_found);
  CHECK(thrown_by([&] { entries(store, CheckpointId{99}); }).code() == ErrorCode::not_found);
}

TEST_CASE_METHOD(Fixture, "A load that is told to stop stops, and leaves the slots alone") {
  const auto staging = GENERATE(LoadStaging::memory, LoadStaging::verify_first);
  SampleState back = state.blank();
  const LoadOptions stopping{.staging = staging, .progress = [](const Progress&) { return false; }};
  const Error error = thrown_by([&] { load(store, id, back.slots(), stopping); });
  CHECK(error.code() == ErrorCode::cancelled);
  CHECK(back == state.blank());
}

TEST_CASE_METHOD(Fixture, "Progress counts up to all bytes") {
  SampleState back = state.blank();
  Progress last;
  load(store, id, back.slots(), {.progress = [&](const Progress& progress) {
         CHECK(progress.bytes_done > last.bytes_done);
         last = progress;
         return true;
       }});
  CHECK(last.bytes_done == last.bytes_total);
  CHECK(last.bytes_total == 40 + 1 + 64 * 1024 + 2 * 300'001);
}

TEST_CASE_METHOD(Fixture, "A load in two passes tells of both") {
  SampleState back = state.blank();
  std::map<std::string, Progress> last;
  load(store, id, back.slots(), {.staging = LoadStaging::verify_first, .progress = [&](const Progress& progress) {
                                   last[std::string(progress.phase)] = progress;
                                   return true;
                                 }});
  REQUIRE(last.size() == 2);
  for (const char* phase : {"check", "load"}) CHECK(last[phase].bytes_done == last[phase].bytes_total);
}

TEST_CASE_METHOD(Fixture, "A read-only handle loads, and does not mark damage") {
  std::filesystem::resize_file(pack(), 1000);
  const Store reader = Store::open_read_only(store.path());
  CHECK(thrown_by([&] { load(reader, id, state.slots()); }).code() == ErrorCode::corruption);
  CHECK(find_checkpoint(store, id)->intact);
}
