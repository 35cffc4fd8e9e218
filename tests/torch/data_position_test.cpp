#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <sstream>

#include <lastgood/error.h>
#include <lastgood/torch/data_position.h>
#include <torch/torch.h>

namespace lastgood::test {
namespace {

using Batches = std::vector<std::vector<std::size_t>>;

/// Its batches are the indices that were asked for.
struct Indices : torch::data::datasets::BatchDataset<Indices, std::vector<std::size_t>> {
  explicit Indices(std::size_t count) : count_(count) {}
  std::vector<std::size_t> get_batch(torch::ArrayRef<std::size_t> indices) override { return indices.vec(); }
  torch::optional<std::size_t> size() const override { return count_; }
  std::size_t count_;
};

/// Consumes up to `most` batches, from as many loops over a loader as it takes.
Batches consume(const std::shared_ptr<DataPosition>& position, std::size_t count, std::size_t batch,
                std::size_t workers, std::size_t most) {
  auto loader = torch::data::make_data_loader(Indices(count), ResumableSampler(position),
                                              torch::data::DataLoaderOptions(batch).workers(workers));
  Batches seen;
  while (seen.size() < most) {
    for (auto& indices : *loader) {
      seen.push_back(indices);
      position->consumed();
      if (seen.size() == most) break;
    }
  }
  return seen;
}

std::vector<std::size_t> flat(const Batches& batches) {
  std::vector<std::size_t> all;
  for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

std::shared_ptr<DataPosition> position_of(std::size_t count, const DataOptions& options = {}) {
  return std::make_shared<DataPosition>(count, options);
}

TEST_CASE("An epoch hands out every example once, each epoch in another order, the same for the same seed") {
  const auto position = position_of(23, {.seed = 6});
  const Batches first = consume(position, 23, 5, 2, 5);
  REQUIRE(position->epoch() == 1);
  REQUIRE(position->examples() == 0);
  const Batches second = consume(position, 23, 5, 2, 5);
  std::vector<std::size_t> sorted = flat(first);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> all(23);
  std::iota(all.begin(), all.end(), std::size_t{0});
  REQUIRE(sorted == all);
  REQUIRE(flat(first) != all);
  REQUIRE(first != second);
  REQUIRE(consume(position_of(23, {.seed = 6}), 23, 5, 0, 10) == [&] {
    Batches both = first;
    both.insert(both.end(), second.begin(), second.end());
    return both;
  }());
  REQUIRE(consume(position_of(23, {.seed = 7}), 23, 5, 2, 5) != first);
}

TEST_CASE("The order is part of the format: it is that of this release on every machine") {
  const Batches batches = consume(position_of(10, {.seed = 1}), 10, 10, 0, 2);
  REQUIRE(batches == Batches{{2, 1, 8, 9, 6, 7, 3, 5, 0, 4}, {4, 6, 2, 3, 7, 9, 0, 8, 5, 1}});
}

TEST_CASE("A resume continues in mid-epoch, none repeated and none left out, with any number of workers") {
  const std::size_t workers = GENERATE(0, 1, 2, 3);
  const std::size_t stop = GENERATE(range(0, 12));
  const Batches straight = consume(position_of(23, {.seed = 3}), 23, 5, 0, 12);
  const auto first = position_of(23, {.seed = 3});
  Batches batches = consume(first, 23, 5, workers, stop);
  const auto second = position_of(23, {.seed = 99, .shuffle = false});
  second->load_state(first->save_state());
  const Batches rest = consume(second, 23, 5, workers, 12 - stop);
  batches.insert(batches.end(), rest.begin(), rest.end());
  REQUIRE(batches == straight);
  REQUIRE(first->save_state() != second->save_state());
}

TEST_CASE("Without shuffling, examples come in order") {
  REQUIRE(consume(position_of(5, {.shuffle = false}), 5, 2, 1, 3) == Batches{{0, 1}, {2, 3}, {4}});
}

TEST_CASE("A short last batch is left out on request, and the epoch still ends") {
  const auto position = position_of(5, {.shuffle = false, .drop_last = true});
  REQUIRE(consume(position, 5, 2, 2, 4) == Batches{{0, 1}, {2, 3}, {0, 1}, {2, 3}});
  REQUIRE(position->epoch() == 2);
}

TEST_CASE("The batch size may change at a resume") {
  const auto position = position_of(7, {.shuffle = false, .drop_last = true});
  consume(position, 7, 2, 0, 2);
  SECTION("to what the rest of the epoch still fills") {
    REQUIRE(consume(position, 7, 3, 0, 2) == Batches{{4, 5, 6}, {0, 1, 2}});
  }
  SECTION("to more than the rest of the epoch has") {
    REQUIRE(consume(position, 7, 5, 0, 1) == Batches{{0, 1, 2, 3, 4}});
    REQUIRE(position->epoch() == 2);
  }
}

TEST_CASE("A batch counts as consumed only once it was handed out") {
  const auto position = position_of(8);
  REQUIRE_THROWS_WITH(position->consumed(), Catch::Contains("handed out"));
  ResumableSampler sampler(position);
  sampler.reset();
  sampler.next(4);
  position->consumed();
  REQUIRE_THROWS_AS(position->consumed(), Error);
  sampler.next(4);
  position->load_state(position_of(8)->save_state());
  REQUIRE_THROWS_AS(position->consumed(), Error);
}

TEST_CASE("A state of something else is refused, and changes nothing") {
  DataPosition position(8, {.seed = 4});
  const std::string before = position.save_state();
  const std::string text = GENERATE(
      "", "[]", "{}", R"({"type":"Other"})", R"({"type":"DataPosition","size":8,"seed":1,"shuffle":true,"epoch":0})",
      R"({"type":"DataPosition","size":9,"seed":1,"shuffle":true,"epoch":0,"examples":0})",
      R"({"type":"DataPosition","size":8,"seed":1,"shuffle":true,"epoch":0,"examples":8})",
      R"({"type":"DataPosition","size":8,"seed":1,"shuffle":true,"epoch":-1,"examples":0})");
  CAPTURE(text);
  REQUIRE_THROWS_AS(position.load_state(text), Error);
  REQUIRE(position.save_state() == before);
}

TEST_CASE("What cannot be a position is refused") {
  REQUIRE_THROWS_AS(DataPosition(0), Error);
  REQUIRE_THROWS_AS(ResumableSampler(nullptr), Error);
  ResumableSampler sampler(position_of(8, {.drop_last = true}));
  REQUIRE_THROWS_AS(sampler.reset(std::size_t{9}), Error);
  REQUIRE_NOTHROW(sampler.reset(std::size_t{8}));
  REQUIRE_THROWS_AS(sampler.next(9), Error);
  REQUIRE_THROWS_AS(sampler.next(0), Error);
}

TEST_CASE("The sampler goes through LibTorch's archives") {
  const auto position = position_of(9, {.seed = 2});
  consume(position, 9, 2, 0, 3);
  torch::serialize::OutputArchive out;
  ResumableSampler(position).save(out);
  std::stringstream stream;
  out.save_to(stream);
  torch::serialize::InputArchive in;
  in.load_from(stream);
  const auto other = position_of(9);
  ResumableSampler(other).load(in);
  REQUIRE(other->save_state() == position->save_state());
}

}  // namespace
}  // namespace lastgood::test
