// What a rollback brings back, the data that is skipped, and a lack of memory.
#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <new>
#include <stdexcept>

#include <lastgood/history.h>

#include "tests/recovery_torch/stored_trainer.h"
#include "tests/support/thrown_error.h"

namespace lastgood::test {
namespace {

void poison(Trainer& trainer) {
  const torch::NoGradGuard no_grad;
  trainer.net->hidden->weight.index_put_({0, 0}, std::nan(""));
}

/// Flips bytes all over the newest pack.
void damage_newest(const std::filesystem::path& store) {
  std::filesystem::path newest;
  for (const auto& entry : std::filesystem::directory_iterator(store / "blobs")) {
    if (newest.empty() || entry.last_write_time() > std::filesystem::last_write_time(newest)) newest = entry.path();
  }
  std::fstream file(newest, std::ios::in | std::ios::out | std::ios::binary);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(newest));
  for (std::streamoff at = 128; at < size; at += 97) {
    file.seekg(at);
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(at);
    file.put(byte);
  }
}

TEST_CASE("A NaN in a weight is rolled back, and the run goes on as if it had never been, to the bit") {
  Trainer straight(5);
  const std::vector<float> losses = straight.train(12);
  StoredTrainer t;
  std::vector<float> seen = t.trainer.train(6);
  AutoRecovery recovery = t.recovery();
  REQUIRE(recovery.save_checkpoint(6, t.trainer.position->epoch(), {}, true).ok());
  poison(t.trainer);
  CHECK(std::isnan(t.trainer.train(2).back()));
  const RecoveryResult result = recovery.recover("nan_detected", 8, 1);
  CHECK(result.success);
  CHECK(result.step == 6);
  CHECK(result.epoch == t.trainer.position->epoch());
  const std::vector<float> rest = t.trainer.train(6);
  seen.insert(seen.end(), rest.begin(), rest.end());
  CHECK(seen == losses);
}

TEST_CASE("A damaged newest checkpoint is passed over for the one before, whole") {
  StoredTrainer t;
  AutoRecovery recovery = t.recovery();
  t.trainer.train(3);
  const torch::Tensor good = t.trainer.net->hidden->weight.detach().clone();
  REQUIRE(recovery.save_checkpoint(3, 0, {}, true).ok());
  t.trainer.train(3);
  const CheckpointId newest = recovery.save_checkpoint(6, 0, {}, true).value();
  damage_newest(t.store.path());
  CHECK_FALSE(recovery.verify_checkpoint(newest));
  poison(t.trainer);
  CHECK(recovery.recover("nan_detected", 7, 1).step == 3);
  CHECK(torch::equal(t.trainer.net->hidden->weight, good));
}

TEST_CASE("Gradients of the branch that is left are dropped, and those that the state keeps come back") {
  StoredTrainer t;
  const bool keeps = GENERATE(false, true);
  if (keeps) t.trainer.state.add_gradients("gradients");
  AutoRecovery recovery = t.recovery();
  t.trainer.train(1);
  const torch::Tensor kept = t.trainer.net->hidden->weight.grad().clone();
  REQUIRE(recovery.save_checkpoint(1, 0, {}, true).ok());
  t.trainer.train(1);
  recovery.recover("nan_detected", 2, 0);
  const torch::Tensor gradient = t.trainer.net->hidden->weight.grad();
  CHECK(gradient.defined() == keeps);
  if (keeps) CHECK(torch::equal(gradient, kept));
}

TEST_CASE("A state that cannot be captured is a failed save, and no exception") {
  StoredTrainer t;
  t.trainer.state.add_json(
      "broken", [] { return std::string("no JSON"); }, [](const std::string&) {});
  AutoRecovery recovery = t.recovery();
  const SaveOutcome outcome = recovery.save_checkpoint(1, 0, {}, true);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error->code() == ErrorCode::invalid_argument);
}

TEST_CASE("The second NaN skips the batches that did it, one a step, over the end of an epoch") {
  // 26 examples in batches of 4: seven batches an epoch.
  Trainer straight(5);
  straight.train(9);
  const std::string place = straight.position->save_state();
  StoredTrainer t;
  t.trainer.train(6);
  TrainerKnobs knobs;
  knobs.batch_size = t.batch_knob();
  AutoRecovery recovery = t.recovery(knobs);
  recovery.save_checkpoint(6, 0, {}, true);
  recovery.recover("nan_detected", 9, 1);
  CHECK(recovery.recover("nan_detected", 9, 1).action == "skip_batches");
  CHECK(t.trainer.position->save_state() == place);
  CHECK(t.trainer.train(1).size() == 1);
}

TEST_CASE("Without a batch size, or with two data positions, nothing is skipped and the rate is cut instead") {
  StoredTrainer t;
  DataPosition other(10);
  TrainerKnobs knobs;
  if (GENERATE(false, true)) {
    knobs.batch_size = t.batch_knob();
    t.trainer.state.add_data_position("other", other);
  }
  AutoRecovery recovery = t.recovery(knobs);
  t.trainer.train(1);
  recovery.save_checkpoint(1, 0, {}, true);
  recovery.recover("nan_detected", 2, 0);
  CHECK(recovery.recover("nan_detected", 2, 0).action == "reduce_lr_10x");
}

TEST_CASE("A sampler's position skips within its epoch's order, and not beyond it") {
  SamplerPosition position;
  position.begin_loop();
  position.begin_epoch({{1, 2}, {3, 4}, {5}});
  REQUIRE(position.next());
  position.consumed();
  const std::string before = position.save_state();
  CHECK_FALSE(skip_batches(position, 3));
  CHECK(position.save_state() == before);
  CHECK(skip_batches(position, 1));
  CHECK(position.next() == SamplerPosition::Batch{5});
  DataPosition data(10);
  CHECK(thrown_by([&] { skip_batches(data, 1, 0); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("Lack of memory is told from other failures, whoever reports it") {
  const auto is_oom = [](auto body) {
    try {
      body();
    } catch (const std::exception& error) {
      return is_out_of_memory(error);
    }
    throw std::logic_error("nothing was thrown");
  };
  // More than 47 bits of addresses: no machine has it, overcommitting or not.
  CHECK(is_oom([] { torch::empty({std::int64_t{1} << 48}, torch::kByte); }));
  CHECK(is_oom([] { throw std::bad_alloc(); }));
  CHECK(is_oom([] { TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory. Tried to allocate 2.00 GiB"); }));
  CHECK(
      is_oom([] { TORCH_CHECK(false, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"); }));
  CHECK(is_oom([] { throw torch::data::WorkerException(std::make_exception_ptr(std::bad_alloc())); }));
  CHECK_FALSE(is_oom([] { torch::zeros({2}).matmul(torch::zeros({3})); }));
  CHECK_FALSE(is_oom([] { throw std::runtime_error("the user's own: out of memory"); }));
}

TEST_CASE("Out of memory saves, gives the cache back and halves the batch; the state stays as it is") {
  StoredTrainer t;
  TrainerKnobs knobs;
  knobs.batch_size = t.batch_knob();
  AutoRecovery recovery = t.recovery(knobs);
  t.trainer.train(2);
  recovery.detect_failure(StepMetrics());  // of those two steps: the state is whole
  const torch::Tensor weight = t.trainer.net->hidden->weight.detach().clone();
  const RecoveryResult result = recovery.recover("oom", 2, 0);
  CHECK(result.action == "reduce_batch_size");
  CHECK(t.batch == 2);
  CHECK(torch::equal(t.trainer.net->hidden->weight, weight));
  CHECK(t.session->head()->kind == CheckpointKind::emergency);
  CHECK(list_recoveries(t.store).at(0).detail.find("clear_cuda_cache") != std::string::npos);
}

}  // namespace
}  // namespace lastgood::test
