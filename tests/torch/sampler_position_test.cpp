// LibTorch's own samplers, resumed in mid-epoch.
#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <sstream>
#include <type_traits>

#include <lastgood/error.h>
#include <lastgood/session.h>
#include <lastgood/store.h>
#include <torch/torch.h>

#include "tests/support/temporary_directory.h"
#include "tests/torch/memory_checkpoint.h"

namespace lastgood::test {
namespace {

namespace samplers = torch::data::samplers;
using Batches = std::vector<std::vector<std::size_t>>;

constexpr std::size_t kExamples = 23;
constexpr std::size_t kBatch = 5;

/// Its batches are the indices, or the sizes, that were asked for.
struct Echo : torch::data::datasets::BatchDataset<Echo, std::vector<std::size_t>> {
  std::vector<std::size_t> get_batch(torch::ArrayRef<std::size_t> indices) override { return indices.vec(); }
  torch::optional<std::size_t> size() const override { return kExamples; }
};
struct EchoSize : torch::data::datasets::BatchDataset<EchoSize, std::vector<std::size_t>, samplers::BatchSize> {
  std::vector<std::size_t> get_batch(samplers::BatchSize size) override { return {size.size()}; }
  torch::optional<std::size_t> size() const override { return kExamples; }
};

/// A run whose steps draw from the default generator, as dropout does, and note what they saw.
template <class Inner, class Dataset = Echo>
struct Run {
  Run() { state.add_data_position("data", *position); }

  /// Steps until `most` batches were seen, from as many loops as it takes, made anew by each call.
  void step(std::size_t most, std::size_t workers) {
    auto options = torch::data::DataLoaderOptions(kBatch).workers(workers);
    auto loader = torch::data::make_data_loader(Dataset(), make(position), options);
    while (seen.size() < most) {
      for (auto& batch : *loader) {
        seen.push_back(batch);
        noise.push_back(torch::rand({}).template item<float>());
        position->consumed();
        if (seen.size() == most) break;
      }
    }
  }

  std::function<Resumable<Inner>(std::shared_ptr<SamplerPosition>)> make = [](auto at) {
    return Resumable<Inner>(at, kExamples);
  };
  std::shared_ptr<SamplerPosition> position = std::make_shared<SamplerPosition>();
  TrainingState state;
  Batches seen;
  std::vector<float> noise;
};

template <class Inner, class Dataset = Echo>
void check_resume(
    std::size_t total, const std::type_identity_t<std::function<void(Run<Inner, Dataset>&)>>& prepare = [](auto&) {}) {
  const std::size_t workers = GENERATE(0, 1, 2, 3);
  const std::size_t stop = GENERATE(0, 1, 4, 5, 6, 9);
  CAPTURE(workers, stop);
  Run<Inner, Dataset> straight;
  prepare(straight);
  torch::manual_seed(4);
  straight.step(total, 2);

  Run<Inner, Dataset> first;
  prepare(first);
  torch::manual_seed(4);
  first.step(stop, workers);
  MemoryCheckpoint checkpoint(first.state);
  // Elsewhere, in the middle of something else.
  Run<Inner, Dataset> second;
  prepare(second);
  torch::manual_seed(77);
  second.step(3, workers);
  checkpoint.restore(second.state);
  REQUIRE(MemoryCheckpoint(second.state) == checkpoint);
  second.seen = first.seen;
  second.noise = first.noise;
  second.step(total, workers);
  REQUIRE(second.seen == straight.seen);
  REQUIRE(second.noise == straight.noise);
}

TEST_CASE("A resume goes on in mid-epoch and in the epochs after it: RandomSampler") {
  check_resume<samplers::RandomSampler>(13);
}

TEST_CASE("A resume goes on in mid-epoch and in the epochs after it: SequentialSampler") {
  check_resume<samplers::SequentialSampler>(13);
}

TEST_CASE("A resume goes on in mid-epoch and in the epochs after it: StreamSampler") {
  check_resume<samplers::StreamSampler, EchoSize>(13);
}

TEST_CASE("A resume goes on in mid-epoch and in the epochs after it: DistributedRandomSampler") {
  using Inner = samplers::DistributedRandomSampler;
  check_resume<Inner>(9, [](auto& run) { run.make = [](auto at) { return Resumable<Inner>(at, kExamples, 2, 1); }; });
}

TEST_CASE("A resume goes on in mid-epoch and in the epochs after it: DistributedSequentialSampler") {
  using Inner = samplers::DistributedSequentialSampler;
  check_resume<Inner>(9, [](auto& run) { run.make = [](auto at) { return Resumable<Inner>(at, kExamples, 2, 1); }; });
}

TEST_CASE("A resume goes on with a short last batch left out") {
  check_resume<samplers::RandomSampler>(
      13, [](auto& run) { *run.position = SamplerPosition(SamplerOptions{.drop_last = true}); });
}

TEST_CASE("An epoch is LibTorch's own, to the index") {
  torch::manual_seed(9);
  Run<samplers::RandomSampler> run;
  run.step(5, 2);
  Batches plain;
  torch::manual_seed(9);
  samplers::RandomSampler sampler(kExamples);
  torch::manual_seed(9);
  sampler.reset();
  while (auto batch = sampler.next(kBatch)) plain.push_back(*batch);
  REQUIRE(run.seen == plain);
  REQUIRE(run.position->epoch() == 1);
  REQUIRE(run.position->batches() == 0);
}

TEST_CASE("To make a sampler, and to begin the rest of an epoch, draws nothing") {
  const auto state = [] { return at::globalContext().defaultGenerator(at::kCPU).get_state(); };
  Run<samplers::RandomSampler> run;
  run.step(2, 1);
  const torch::Tensor before = state();
  auto sampler = run.make(run.position);
  sampler.reset();
  sampler.next(kBatch);
  REQUIRE(torch::equal(state(), before));
}

TEST_CASE("A distributed epoch has an order of its own") {
  Run<samplers::DistributedRandomSampler> run;
  run.step(10, 0);
  const auto middle = run.seen.begin() + 5;
  REQUIRE_FALSE(std::equal(run.seen.begin(), middle, middle));
}

TEST_CASE("A sampler that the program has is taken over, and a new size holds from the next epoch on") {
  const auto position = std::make_shared<SamplerPosition>();
  Resumable<samplers::SequentialSampler> sampler(position, samplers::SequentialSampler(3));
  sampler.reset(std::size_t{4});
  REQUIRE(*sampler.next(4) == std::vector<std::size_t>{0, 1, 2, 3});
  sampler.reset(std::size_t{2});
  REQUIRE(sampler.next(4)->size() == 4);
  position->consumed();
  REQUIRE_FALSE(sampler.next(4).has_value());
  sampler.reset();
  REQUIRE(sampler.next(4)->size() == 2);
}

TEST_CASE("A batch of a sampler counts as consumed only once it was handed out") {
  const auto position = std::make_shared<SamplerPosition>();
  REQUIRE_THROWS_WITH(position->consumed(), Catch::Contains("handed out"));
  Resumable<samplers::SequentialSampler> sampler(position, 8);
  sampler.next(4);
  position->consumed();
  REQUIRE_THROWS_AS(position->consumed(), Error);
  REQUIRE_THROWS_AS(Resumable<samplers::SequentialSampler>(nullptr, 8), Error);
}

TEST_CASE("After a failed restore a loop over a sampler that was under way goes on") {
  const auto position = std::make_shared<SamplerPosition>();
  TrainingState state;
  state.add_data_position("data", *position);
  MemoryCheckpoint start(state);
  Resumable<samplers::SequentialSampler> sampler(position, 8);
  sampler.reset();
  sampler.next(4);
  start.before_load = [loads = 0](std::span<const TensorSlot>) mutable {
    if (++loads == 2) throw Error(ErrorCode::io, "pack", "The disk is gone.");
  };
  REQUIRE_THROWS_AS(start.restore(state), Error);
  position->consumed();
  REQUIRE(position->batches() == 1);
  REQUIRE(*sampler.next(4) == std::vector<std::size_t>{4, 5, 6, 7});
}

TEST_CASE("A sampler position refuses a state of something else, and changes nothing") {
  SamplerPosition position;
  const std::string before = position.save_state();
  const std::string text = GENERATE("", "[]", "{}", R"({"type":"DataPosition","epoch":0,"consumed":0,"rest":[]})",
                                    R"({"type":"SamplerPosition","epoch":-1,"consumed":0,"rest":[]})",
                                    R"({"type":"SamplerPosition","epoch":0,"consumed":0,"rest":[[]]})",
                                    R"({"type":"SamplerPosition","epoch":0,"consumed":0,"rest":[1]})");
  CAPTURE(text);
  REQUIRE_THROWS_AS(position.load_state(text), Error);
  REQUIRE(position.save_state() == before);
}

TEST_CASE("An epoch's order is stored once, however many checkpoints it has") {
  constexpr std::size_t kMany = 50'000;
  const TemporaryDirectory directory;
  Store store = Store::open_or_create(directory.path() / "store");
  Session session = store.start_session("run");
  const auto position = std::make_shared<SamplerPosition>();
  TrainingState state;
  state.add_data_position("data", *position);
  Resumable<samplers::RandomSampler> sampler(position, kMany);
  auto bytes_of_save = [&, step = 0]() mutable {
    sampler.next(kBatch);
    position->consumed();
    const SaveOutcome outcome = session.save(state.capture().views(), {.step = ++step});
    REQUIRE(outcome.ok());
    return outcome.bytes_new;
  };
  // An index below 50,000 takes 2 bytes when nothing is known of it.
  REQUIRE(bytes_of_save() > kMany);
  REQUIRE(bytes_of_save() < kMany / 10);
}

/// As checkpoints were before an order had entries of its own.
constexpr const char* kOldText = R"({"consumed":3,"epoch":7,"rest":[[4,1],[2]],"type":"SamplerPosition"})";

TEST_CASE(
    "A checkpoint whose position has the order in its text is restored, and stays as it is until the epoch ends") {
  Run<samplers::SequentialSampler> run;
  run.step(2, 1);
  MemoryCheckpoint old(run.state);
  old.put("data", kOldText);
  old.remove("data.order");
  old.remove("data.batch_sizes");
  old.restore(run.state);
  REQUIRE(MemoryCheckpoint(run.state) == old);
  REQUIRE(run.position->epoch() == 7);
  REQUIRE(run.position->batches() == 3);
  run.seen.clear();
  run.step(1, 1);
  REQUIRE(MemoryCheckpoint(run.state).entry("data").bytes ==
          R"({"consumed":4,"epoch":7,"rest":[[2]],"type":"SamplerPosition"})");
  run.step(3, 1);
  REQUIRE(run.seen == Batches{{4, 1}, {2}, {0, 1, 2, 3, 4}});
  REQUIRE(MemoryCheckpoint(run.state).entry("data").bytes == R"({"consumed":1,"epoch":8,"type":"SamplerPosition"})");
  REQUIRE(MemoryCheckpoint(run.state).has("data.order"));
}

TEST_CASE("A sampler's position and its order are taken in together, or not at all") {
  Run<samplers::RandomSampler> run;
  run.step(2, 1);
  MemoryCheckpoint checkpoint(run.state);
  run.step(4, 1);
  MemoryCheckpoint before(run.state);
  const std::string pattern = GENERATE("data", "data.order", "data.*", "dat?");
  CAPTURE(pattern);
  REQUIRE_THROWS_WITH(checkpoint.restore(run.state, {.patterns = {pattern}}),
                      Catch::Contains("it is taken in together with data.order and data.batch_sizes"));
  REQUIRE(MemoryCheckpoint(run.state) == before);
  const RestoreReport report = checkpoint.restore(run.state, {.patterns = {"data*"}});
  REQUIRE(report.skipped == std::vector<std::string>{"default.cpu"});
  REQUIRE(run.position->batches() == 2);
  checkpoint.restore(run.state, {.sections = {Section::rng}});
  REQUIRE(MemoryCheckpoint(run.state) == checkpoint);
}

TEST_CASE("An order that is none is refused, and nothing changes") {
  const auto bytes_of = [](const std::vector<std::int64_t>& values) {
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t));
  };
  Run<samplers::SequentialSampler> run;
  run.step(2, 1);
  MemoryCheckpoint checkpoint(run.state);
  MemoryCheckpoint before = checkpoint;
  const auto set = [&](const std::string& name, const std::vector<std::int64_t>& values) {
    checkpoint.entry(name).bytes = bytes_of(values);
    checkpoint.entry(name).spec.shape = {static_cast<std::int64_t>(values.size())};
  };
  SECTION("more in batches than there are indices") {
    set("data.batch_sizes", {5, 5, 5, 5, 4});
  }
  SECTION("an index in no batch") {
    set("data.batch_sizes", {5, 5, 5, 5});
  }
  SECTION("an empty batch") {
    set("data.batch_sizes", {5, 5, 5, 5, 0, 3});
  }
  SECTION("a negative batch") {
    set("data.batch_sizes", {5, 5, 5, 10, -5, 3});
  }
  SECTION("consumed beyond its end") {
    checkpoint.put("data", R"({"consumed":5,"epoch":0,"type":"SamplerPosition"})");
  }
  SECTION("a part of it is missing") {
    checkpoint.remove("data.order");
  }
  SECTION("all of it is missing") {
    checkpoint.remove("data.order");
    checkpoint.remove("data.batch_sizes");
  }
  SECTION("the order of something else") {
    checkpoint.put("data", R"({"type":"DataPosition"})");
  }
  REQUIRE_THROWS_AS(checkpoint.restore(run.state), Error);
  REQUIRE(MemoryCheckpoint(run.state) == before);
}

TEST_CASE("A class derived from a sampler's position is kept by its own text") {
  struct Derived : SamplerPosition {
    std::string save_state() const override { return R"("its own")"; }
  };
  Derived position;
  TrainingState state;
  state.add_data_position("data", position);
  MemoryCheckpoint checkpoint(state);
  REQUIRE(checkpoint.entry("data").bytes == R"("its own")");
  REQUIRE_FALSE(checkpoint.has("data.order"));
}

TEST_CASE("A Resumable goes through LibTorch's archives") {
  const auto position = std::make_shared<SamplerPosition>();
  Resumable<samplers::SequentialSampler> sampler(position, 8);
  sampler.next(3);
  position->consumed();
  torch::serialize::OutputArchive out;
  sampler.save(out);
  std::stringstream stream;
  out.save_to(stream);
  torch::serialize::InputArchive in;
  in.load_from(stream);
  const auto other = std::make_shared<SamplerPosition>();
  Resumable<samplers::SequentialSampler>(other, 8).load(in);
  REQUIRE(other->save_state() == position->save_state());
}

}  // namespace
}  // namespace lastgood::test
