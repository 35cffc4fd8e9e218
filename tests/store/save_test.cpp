#include <lastgood/history.h>
#include <lastgood/load.h>
#include <lastgood/session.h>
#include <lastgood/verify.h>

#include <atomic>
#include <cmath>
#include <future>

#include <catch2/catch.hpp>

#include "store/io/file_system.h"
#include "store/store_impl.h"
#include "tests/support/pass_through.h"
#include "tests/support/sample_state.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

struct Fixture {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  SessionOptions small{.threads = 2, .chunk_bytes = 64 * 1024, .staging_bytes = 1 << 20};
  Session session = store.start_session("demo", small);

  SampleState loaded(CheckpointId id, const SampleState& like) const {
    SampleState state = like.blank();
    load(store, id, state.slots(), {.strict = false});
    return state;
  }
  std::uint64_t blobs() const { return store_stats(store).blobs; }
};

const Error& error_of(const SaveOutcome& outcome) {
  REQUIRE(outcome.error);
  return *outcome.error;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "A save keeps every byte, its metrics and its metadata, and tells what it cost") {
  const SampleState state = sample_state(1);
  const SaveOutcome saved = session.save(state.views(), {.step = 7,
                                                         .epoch = 2,
                                                         .kind = CheckpointKind::manual,
                                                         .stability = Stability::stable,
                                                         .metrics = {{"loss", 0.125}, {"norm", std::nan("")}},
                                                         .metadata = R"({"note":"first"})"});
  REQUIRE(saved.ok());
  CHECK(loaded(*saved.checkpoint, state) == state);
  const CheckpointInfo info = find_checkpoint(store, *saved.checkpoint).value();
  CHECK(info.step == 7);
  CHECK(info.epoch == 2);
  CHECK(info.kind == CheckpointKind::manual);
  CHECK(info.stability == Stability::stable);
  CHECK(info.metrics.at("loss") == 0.125);
  CHECK(std::isnan(info.metrics.at("norm")));
  CHECK(info.metadata == R"({"note":"first"})");
  CHECK(info.digest == saved.digest);
  CHECK(info.bytes_logical == 40 + 1 + 64 * 1024 + 2 * 300'001);
  CHECK(saved.bytes_logical == info.bytes_logical);
  CHECK(saved.bytes_new == info.bytes_new);
  CHECK(saved.bytes_new > saved.bytes_logical);
  CHECK(saved.durable >= saved.catalog);
  CHECK(verify(store).ok());
}

TEST_CASE_METHOD(Fixture, "The same state has the same digest and adds only a record, in another run, too") {
  const SampleState state = sample_state(1);
  const SaveOutcome first = session.save(state.views(), {.step = 1});
  const std::uint64_t before = blobs();
  const SaveOutcome again = session.save(state.views(), {.step = 2});
  CHECK(again.digest == first.digest);
  CHECK(blobs() == before + 1);
  Session other = store.start_session("another", small);
  const SaveOutcome elsewhere = other.save(state.views(), {.step = 1});
  CHECK(elsewhere.digest == first.digest);
  CHECK(blobs() == before + 2);
  CHECK(loaded(elsewhere.value(), state) == state);
}

TEST_CASE_METHOD(Fixture, "Only what changed is written, and a content that repeats within a save once") {
  SampleState state = sample_state(1);
  state.add("copy", state["large"]);
  session.save(state.views(), {.step = 1}).value();
  const std::uint64_t before = blobs();
  state["large.moment"][70'000] ^= std::byte{1};  // in its second chunk
  const SaveOutcome saved = session.save(state.views(), {.step = 2});
  CHECK(blobs() == before + 3);  // chunk, manifest, record
  CHECK(loaded(saved.value(), state) == state);
}

TEST_CASE_METHOD(Fixture, "A tied entry is kept once and loads under either name") {
  SampleState state;
  state.add("embedding", random_bytes(100'000, 5)).alias("head", "embedding");
  const SaveOutcome saved = session.save(state.views(), {.step = 1});
  CHECK(saved.bytes_logical == 100'000);
  const std::vector<HostEntry> host = load_to_host(store, saved.value());
  REQUIRE(host.size() == 2);
  CHECK(host[1].spec.alias_of == "embedding");
  CHECK(host[0].data == host[1].data);
}

TEST_CASE_METHOD(Fixture, "An asynchronous save has its copy when it returns: later changes do not reach it") {
  SampleState state = sample_state(1);
  SaveHandle handle = session.save_async(state.views(), {.step = 1});
  state["large"].assign(300'001, std::byte{0});
  CHECK(loaded(handle.wait_durable().value(), state) == sample_state(1));
  CHECK(handle.done());
}

TEST_CASE_METHOD(Fixture, "A state larger than the staging memory is saved all the same") {
  SessionOptions tight = small;
  tight.staging_bytes = 1;  // as few slots as there can be
  Session other = store.start_session("tight", tight);
  SampleState state;
  for (int i = 0; i < 60; ++i) state.add("t" + std::to_string(i), random_bytes(200'000, static_cast<std::uint64_t>(i)));
  for (const Staging staging : {Staging::at_capture, Staging::overlapped}) {
    SaveHandle handle = other.save_async(state.views(), {.step = 1}, staging);
    handle.wait_staged();
    CHECK(loaded(handle.wait_durable().value(), state) == state);
  }
}

TEST_CASE_METHOD(Fixture, "An overlapped save has copied what a forward pass changes when it returns") {
  SampleState state = sample_state(1);
  state.copied_at_capture("bias");
  SaveHandle handle = session.save_async(state.views(), {.step = 1}, Staging::overlapped);
  state["bias"].assign(40, std::byte{0});
  handle.wait_staged();
  state["large"].assign(300'001, std::byte{0});
  const SampleState kept = loaded(handle.wait_durable().value(), state);
  SampleState expected = sample_state(1);
  expected.copied_at_capture("bias");
  CHECK(kept == expected);
}

TEST_CASE_METHOD(Fixture, "A tensor changed in flight fails an overlapped save by name, and nothing of it is seen") {
  const SampleState state = sample_state(1);
  std::vector<TensorView> views = state.views();
  std::atomic<std::uint64_t> reads{0};
  views[4].version = [&reads] { return reads++; };  // another answer each time, as if somebody wrote meanwhile
  SaveHandle handle = session.save_async(views, {.step = 1}, Staging::overlapped);
  handle.wait_staged();
  const Error& error = error_of(handle.wait_durable());
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(error.subject() == "large");
  CHECK_THAT(error.what(), Catch::Contains("wait_staged()"));
  CHECK(list_checkpoints(store).empty());
  CHECK(session.save(state.views(), {.step = 2}).ok());
}

TEST_CASE_METHOD(Fixture, "The callback hears the outcome once, of a failure, too") {
  std::promise<SaveOutcome> heard;
  session.save_async(sample_state(1).views(), {.step = 3}, Staging::at_capture,
                     [&](const SaveOutcome& outcome) { heard.set_value(outcome); });
  CHECK(heard.get_future().get().ok());
  std::promise<SaveOutcome> failed;
  session.save_async(sample_state(1).views(), {.step = -1}, Staging::at_capture,
                     [&](const SaveOutcome& outcome) { failed.set_value(outcome); });
  CHECK(error_of(failed.get_future().get()).code() == ErrorCode::invalid_argument);
}

TEST_CASE_METHOD(Fixture, "Saves of one session follow each other in the order of their calls") {
  std::vector<SaveHandle> handles;
  for (Step step = 1; step <= 5; ++step) {
    handles.push_back(session.save_async(sample_state(static_cast<std::uint64_t>(step)).views(), {.step = step}));
  }
  std::optional<CheckpointId> parent;
  for (SaveHandle& handle : handles) {
    const CheckpointId id = handle.wait_durable().value();
    CHECK(find_checkpoint(store, id)->parent == parent);
    parent = id;
  }
}

TEST_CASE_METHOD(Fixture, "A request that cannot be kept is refused by name before anything is written") {
  const auto refuse = [&](std::vector<TensorView> views, SaveRequest request) {
    const SaveOutcome outcome = session.save(views, request);
    CHECK(error_of(outcome).code() == ErrorCode::invalid_argument);
    return std::string(outcome.error->what());
  };
  const SampleState state = sample_state(1);
  std::vector<TensorView> twice = state.views();
  twice.push_back(twice[1]);
  CHECK_THAT(refuse(twice, {.step = 1}), Catch::Contains("bias"));
  std::vector<TensorView> no_data = state.views();
  no_data[1].data = nullptr;
  CHECK_THAT(refuse(no_data, {.step = 1}), Catch::Contains("'bias' has no data"));
  std::vector<TensorView> strange = state.views();
  strange[1].spec.name = "a\nb";
  refuse(strange, {.step = 1});
  strange[1].spec = {Section::model, "huge", DType::float64, {std::int64_t{1} << 62, 1 << 20}, ""};
  CHECK_THAT(refuse(strange, {.step = 1}), Catch::Contains("huge"));
  refuse(state.views(), {.step = 1, .metadata = "no JSON"});
  refuse(state.views(), {.step = -1});
  CHECK(store_stats(store).packs == 0);
}

TEST_CASE_METHOD(Fixture, "Packing is lossless, and pays for tensors of floats") {
  SessionOptions packing = small;
  packing.compression = Compression::automatic;
  Session other = store.start_session("packed", packing);
  std::vector<float> weights(200'000);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = 0.02F * std::sin(static_cast<float>(i));
  const EntrySpec spec{Section::model, "w", DType::float32, {static_cast<std::int64_t>(weights.size())}, ""};
  const TensorView view{spec, weights.data(), false, {}};
  const SaveOutcome saved = other.save({&view, 1}, {.step = 1});
  CHECK(saved.bytes_new < saved.bytes_logical);
  std::vector<float> back(weights.size());
  const TensorSlot slot{spec, back.data()};
  load(store, saved.value(), {&slot, 1});
  CHECK(back == weights);
}

TEST_CASE_METHOD(Fixture, "A save that finds the store damaged heals it with the same content") {
  const SampleState state = sample_state(1);
  const CheckpointId damaged = session.save(state.views(), {.step = 1}).value();
  const auto pack = std::filesystem::directory_iterator(store.path() / "blobs")->path();
  {
    const auto file = io::posix_file_system().open(pack, true);
    const Bytes noise = random_bytes(64, 99);
    io::write_all(*file, 400'000, noise);
  }
  Session other = store.start_session("fresh eyes", small);  // has to compare the bytes, and so finds the damage
  const CheckpointId healer = other.save(state.views(), {.step = 1}).value();
  CHECK(loaded(healer, state) == state);
  CHECK(loaded(damaged, state) == state);
  CHECK(verify(store).ok());
  CHECK_FALSE(std::filesystem::is_empty(store.path() / "quarantine"));
}

TEST_CASE_METHOD(Fixture, "An empty state is a checkpoint, too") {
  const SaveOutcome saved = session.save({}, {.step = 0});
  CHECK(saved.ok());
  CHECK(entries(store, *saved.checkpoint).empty());
}

TEST_CASE("A save whose new lock file is held for a moment by a collection takes another name") {
  // Holds the first lock file of every save, as a collection does that looks whether it was left behind.
  class Held final : public PassThrough {
   public:
    std::unique_ptr<io::FileLock> try_lock(const std::filesystem::path& path, io::LockMode mode) override {
      const bool first = path.filename().string().starts_with("save-") && !std::exchange(held_, true);
      return first ? nullptr : PassThrough::try_lock(path, mode);
    }

   private:
    bool held_ = false;
  };
  const TemporaryDirectory dir;
  Held files;
  Store store = open_store(dir / "store", OpenMode::create, {}, files);
  Session session = store.start_session("demo");
  CHECK(session.save(sample_state(1).views(), {.step = 1}).ok());
}
