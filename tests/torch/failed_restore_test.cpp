// Whatever goes wrong in a restore: an Error that says what, and a training state that is what it was.
#include <catch2/catch.hpp>

#include <functional>
#include <stdexcept>

#include <lastgood/error.h>

#include "tests/torch/memory_checkpoint.h"
#include "tests/torch/trainer.h"

namespace lastgood::test {
namespace {

/// The Error of a restore that must fail, after which nothing may have changed, tensors' versions included.
Error fail(MemoryCheckpoint& checkpoint, Trainer& trainer) {
  const MemoryCheckpoint before(trainer.state);
  const auto version = trainer.net->hidden->weight._version();
  try {
    checkpoint.restore(trainer.state);
  } catch (const Error& error) {
    CHECK(MemoryCheckpoint(trainer.state) == before);
    CHECK(trainer.net->hidden->weight._version() == version);
    return error;
  }
  FAIL("the restore did not fail");
  throw std::logic_error("unreachable");
}

struct Fixture {
  Fixture() : saved(1), checkpoint((saved.train(3), saved.state)), live(2) { live.train(5); }
  Trainer saved;
  MemoryCheckpoint checkpoint;
  Trainer live;
};

TEST_CASE_METHOD(Fixture, "A missing entry is named, before anything is read") {
  checkpoint.remove("model.hidden.bias");
  checkpoint.before_load = [](std::span<const TensorSlot>) { FAIL("something was read"); };
  const Error error = fail(checkpoint, live);
  REQUIRE(error.code() == ErrorCode::invalid_argument);
  REQUIRE_THAT(error.what(), Catch::Contains("Checkpoint 7") &&
                                 Catch::Contains("model entry model.hidden.bias is missing from the checkpoint"));
}

TEST_CASE_METHOD(Fixture, "An unexpected entry is named") {
  checkpoint.entry("model.hidden.bias").spec.name = "model.hidden.offset";
  REQUIRE_THAT(fail(checkpoint, live).what(),
               Catch::Contains("model.hidden.offset is in the checkpoint and not here") &&
                   Catch::Contains("model.hidden.bias is missing"));
}

TEST_CASE_METHOD(Fixture, "Another dtype or shape is told, that of both sides") {
  checkpoint.entry("model.hidden.bias").spec.dtype = DType::float16;
  checkpoint.entry("model.norm.bias").spec.shape = {4};
  REQUIRE_THAT(fail(checkpoint, live).what(),
               Catch::Contains("model.hidden.bias is float16 [8] in the checkpoint and float32 [8] here") &&
                   Catch::Contains("model.norm.bias is float32 [4] in the checkpoint and float32 [8] here"));
}

TEST_CASE_METHOD(Fixture, "Weights that are tied on one side only are a mismatch") {
  MemoryEntry& entry = checkpoint.entry("model.embedding.weight");
  entry.spec.alias_of.clear();
  REQUIRE_THAT(fail(checkpoint, live).what(), Catch::Contains("tied to model.decoder here"));
}

TEST_CASE_METHOD(Fixture, "Five mismatches are named and the rest is counted") {
  Trainer wider(1, 0, 16);
  const std::string message = fail(checkpoint, wider).what();
  std::size_t named = 0;
  for (auto at = message.find(" entry "); at != std::string::npos; at = message.find(" entry ", at + 1)) ++named;
  REQUIRE(named == 5);
  // Eight of the model's differ (all but the counter), and two moments or three of five parameters are too wide.
  REQUIRE_THAT(message, Catch::Contains("and 14 more"));
}

TEST_CASE_METHOD(Fixture, "A state that lacks one of its tensors is a mismatch, not a parameter without state") {
  checkpoint.remove("optimizer.state.model.hidden.weight.exp_avg");
  REQUIRE_THAT(fail(checkpoint, live).what(),
               Catch::Contains("optimizer.state.model.hidden.weight.exp_avg is missing"));
}

TEST_CASE_METHOD(Fixture, "Options of another optimizer, or other parameters in a group, are a mismatch") {
  const auto replace = [&](const std::string& from, const std::string& to) {
    std::string text = checkpoint.entry("optimizer.param_groups.0").bytes;
    checkpoint.put("optimizer.param_groups.0", text.replace(text.find(from), from.size(), to));
  };
  SECTION("optimizer") {
    replace("AdamW", "Adam");
    REQUIRE_THAT(fail(checkpoint, live).what(), Catch::Contains("of Adam in the checkpoint and of AdamW here"));
  }
  SECTION("parameters") {
    replace("model.decoder", "model.gone");
    REQUIRE_THAT(fail(checkpoint, live).what(),
                 Catch::Contains("parameter model.gone was in group 0 of optimizer optimizer when it was saved, and is "
                                 "not now") &&
                     Catch::Contains("parameter model.decoder is in group 0 of optimizer optimizer, and was not when"));
  }
  SECTION("no JSON") {
    replace("{", "");
    REQUIRE_THAT(fail(checkpoint, live).what(), Catch::Contains("optimizer.param_groups.0"));
  }
}

TEST_CASE_METHOD(Fixture, "Damage that is found while tensors are read leaves everything as it was") {
  const int failing = GENERATE(1, 2);
  int loads = 0;
  checkpoint.before_load = [&](std::span<const TensorSlot>) {
    if (++loads == failing) throw Error(ErrorCode::corruption, "pack", "The pack is damaged.");
  };
  REQUIRE(fail(checkpoint, live).code() == ErrorCode::corruption);
  REQUIRE(loads == failing);
}

TEST_CASE_METHOD(Fixture, "After a failed restore a loop over the loader that was under way goes on") {
  live.position = std::make_shared<DataPosition>(10);
  TrainingState state;
  state.add_data_position("data", *live.position);
  MemoryCheckpoint start(state);
  ResumableSampler sampler(live.position);
  sampler.reset();
  sampler.next(4);
  live.position->consumed();
  const auto second = sampler.next(4);
  start.before_load = [loads = 0](std::span<const TensorSlot>) mutable {
    if (++loads == 2) throw Error(ErrorCode::io, "pack", "The disk is gone.");
  };
  REQUIRE_THROWS_AS(start.restore(state), Error);
  live.position->consumed();
  REQUIRE(live.position->examples() == 8);
  REQUIRE(sampler.next(4)->size() == 2);
}

TEST_CASE_METHOD(Fixture, "A part that refuses its state stops the restore, and those before it get theirs back") {
  SECTION("the user's schedule") {
    checkpoint.put("halving", "-1");
    REQUIRE_THAT(fail(checkpoint, live).what(),
                 Catch::Contains("halving refused") && Catch::Contains("a negative number of steps"));
  }
  SECTION("LibTorch's schedule") {
    checkpoint.put("step_lr", R"({"type":"CosineLR"})");
    REQUIRE_THAT(fail(checkpoint, live).what(), Catch::Contains("step_lr refused"));
  }
  SECTION("a position in another data set") {
    checkpoint.put("data", R"({"type":"DataPosition","size":9,"seed":1,"shuffle":true,"epoch":0,"examples":0})");
    REQUIRE_THAT(fail(checkpoint, live).what(), Catch::Contains("held 9 examples"));
  }
}

TEST_CASE_METHOD(Fixture, "A part that refuses even the state that it had is told as such") {
  std::string text = "1";
  live.state.add_json(
      "moody", [&] { return text; }, [](const std::string&) { throw std::runtime_error("not today"); });
  MemoryCheckpoint own(live.state);
  REQUIRE_THROWS_WITH(own.restore(live.state), Catch::Contains("refused the state that it had given just before"));
}

TEST_CASE_METHOD(Fixture, "A generator's state that the generator does not take is a mismatch") {
  checkpoint.put("noise", std::string(16, '\0'));
  REQUIRE_THAT(fail(checkpoint, live).what(), Catch::Contains("noise is of another kind of generator"));
}

TEST_CASE_METHOD(Fixture, "Generators of a device that is not here are a mismatch") {
  checkpoint.entry("noise").spec.name = "default.cuda.77";
  REQUIRE_THAT(fail(checkpoint, live).what(), Catch::Contains("default.cuda.77 is in the checkpoint and not here"));
}

}  // namespace
}  // namespace lastgood::test
