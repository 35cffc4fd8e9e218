// A batch that memory is really too short for.
#include <catch2/catch.hpp>

#include <lastgood/torch/stability_monitor.h>

#include "examples/limited_memory.h"
#include "tests/recovery_torch/stored_trainer.h"

namespace lastgood::test {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

demo::LimitedMemory& memory() {
  static demo::LimitedMemory& installed = demo::LimitedMemory::install();
  return installed;
}

struct Limit {
  explicit Limit(std::size_t bytes) { memory().set_limit(bytes); }
  ~Limit() { memory().set_limit(kNoLimit); }
};

TEST_CASE("Tensors past the limit are refused as LibTorch refuses them, and what is given back can be had again") {
  const std::size_t before = memory().live();
  const Limit limit(before + 3'000'000);
  torch::Tensor first = torch::empty({2'000'000}, torch::kByte);
  CHECK(memory().live() == before + 2'000'000);
  CHECK_THROWS_AS(torch::empty({1'000'001}, torch::kByte), c10::OutOfMemoryError);
  CHECK(memory().live() == before + 2'000'000);
  CHECK_NOTHROW(torch::empty({1'000'000}, torch::kByte));
  first.reset();
  CHECK(memory().live() == before);
  CHECK(memory().peak() >= before + 3'000'000);
}

TEST_CASE("12.7, 12.8: a batch that memory is too short for is saved before, halved, and trained on") {
  memory();
  torch::nn::Linear model(256, 256);
  torch::optim::SGD optimizer(model->parameters(), 0.1);
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  Session session = store.start_session("run");
  TrainingState state;
  state.add_module("model", model);
  state.add_optimizer("optimizer", optimizer);
  double batch = 4096;
  TrainerKnobs knobs;
  knobs.batch_size = {"batch", [&] { return batch; }, [&](double to) { batch = to; }};
  StabilityMonitor monitor;
  AutoRecovery recovery(store, session, recovery_target(store, session, state, knobs));
  recovery.watch(&monitor);

  const Limit limit(memory().live() + 7'000'000);  // 4 MiB of inputs, 4 MiB of outputs
  int attempts = 0;
  const auto train = [&]() -> bool {
    try {
      ++attempts;
      const torch::Tensor outputs = model(torch::ones({static_cast<std::int64_t>(batch), 256}));
      optimizer.zero_grad();
      outputs.mean().backward();
      optimizer.step();
      return true;
    } catch (const std::exception& error) {
      REQUIRE(is_out_of_memory(error));
      return false;
    }
  };
  while (!train()) {
    const RecoveryResult result = recovery.recover("oom", 3, 0);
    REQUIRE(result.success);
    CHECK(result.action == "reduce_batch_size");
    CHECK(result.step == 3);
  }
  CHECK(attempts == 2);
  CHECK(batch == 2048);
  CHECK(session.head()->kind == CheckpointKind::emergency);
  CHECK(session.head()->step == 3);
  CHECK(monitor.get_health_dashboard().oom_count == 1);
}

TEST_CASE("Memory that ends between two parameters' updates: what is half updated is not kept") {
  memory();
  torch::manual_seed(3);
  torch::nn::Sequential model(torch::nn::Linear(256, 256), torch::nn::Linear(256, 1024), torch::nn::Linear(1024, 1));
  torch::optim::AdamW optimizer(model->parameters(), torch::optim::AdamWOptions(0.1));
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  Session session = store.start_session("run");
  TrainingState state;
  state.add_module("model", *model);
  state.add_optimizer("optimizer", optimizer);
  AutoRecovery recovery(store, session, recovery_target(store, session, state));
  const CheckpointId first = recovery.save_checkpoint(0, 0, {}, true).value();
  const torch::Tensor before = model->parameters()[0].detach().clone();

  model->forward(torch::ones({8, 256})).mean().backward();
  {
    const Limit limit(memory().live() + 1'200'000);  // the first moments fit, and not those of the second weight
    CHECK_THROWS_AS(optimizer.step(), c10::OutOfMemoryError);
  }
  REQUIRE_FALSE(torch::equal(model->parameters()[0], before));
  const RecoveryResult result = recovery.recover("oom", 0, 0);
  CHECK(result.success);
  CHECK(result.restored == first);
  CHECK(torch::equal(model->parameters()[0], before));
  CHECK(optimizer.state().empty());
  CHECK(session.head()->id == first);
}

}  // namespace
}  // namespace lastgood::test
