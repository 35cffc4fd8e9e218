#include <lastgood/torch/doctor.h>

#include <algorithm>
#include <utility>

#include <catch2/catch.hpp>

#include "tests/support/thrown_error.h"
#include "tests/torch/trainer.h"

namespace lastgood::test {
namespace {

using Catch::Contains;

TEST_CASE("Of a trainer that registers everything the doctor finds nothing") {
  Trainer trainer(1);
  trainer.train(1);
  const Diagnosis diagnosis = doctor(trainer.state);
  for (const Finding& finding : diagnosis.findings) UNSCOPED_INFO(finding.message);
  CHECK(diagnosis.findings.empty());
  CHECK(diagnosis.can_be_exact());
}

TEST_CASE("Parameters that no registered optimizer updates are named, unless they are frozen") {
  torch::nn::Sequential model(torch::nn::Linear(2, 2), torch::nn::Linear(2, 2));
  torch::optim::SGD sgd({model[0]->parameters()}, 0.1);
  TrainingState state;
  state.add_module("model", model);
  state.add_optimizer("sgd", sgd);
  const Diagnosis diagnosis = doctor(state);
  REQUIRE_FALSE(diagnosis.findings.empty());
  CHECK(diagnosis.findings[0].severity == Severity::warning);
  const auto forgets = [](const Diagnosis& found) {
    return std::any_of(found.findings.begin(), found.findings.end(), [](const Finding& finding) {
      return finding.message == "no registered optimizer updates model.1.weight and 1 more";
    });
  };
  CHECK(forgets(diagnosis));
  for (auto& parameter : model[1]->parameters()) parameter.set_requires_grad(false);
  CHECK_FALSE(forgets(doctor(state)));
}

TEST_CASE("An optimizer of an unregistered module is a critical finding, not an exception") {
  torch::nn::Linear model(2, 2);
  torch::nn::Linear other(2, 2);
  torch::optim::SGD sgd(other->parameters(), 0.1);
  TrainingState state;
  state.add_module("model", model);
  state.add_optimizer("sgd", sgd);
  const Diagnosis diagnosis = doctor(state);
  REQUIRE(diagnosis.findings.size() == 1);
  CHECK(diagnosis.findings[0].severity == Severity::critical);
  CHECK_THAT(diagnosis.findings[0].message, Contains("is in no registered module"));
  CHECK_FALSE(diagnosis.can_be_exact());
}

TEST_CASE("A complete state proves exact over an epoch's end, and the training goes on from there") {
  Trainer trainer(7);
  trainer.train(5);
  const ResumeProof proof = prove_resume(
      trainer.state, [&] { return [&] { trainer.train(1); }; }, 4);
  CHECK(proof.exact);
  CHECK(proof.difference.empty());
  CHECK(proof.steps == 4);
  CHECK(proof.entries > 20);
  Trainer straight(7);
  CHECK(trainer.position->examples() + trainer.position->epoch() > straight.position->examples());
  straight.train(9);
  CHECK(trainer.position->save_state() == straight.position->save_state());
}

TEST_CASE("What a state forgets is found, with the first tensor that it makes differ") {
  Trainer trainer(7);
  trainer.train(1);
  float forgotten = 1;  // no part of the state
  const BeginTraining begin = [&] {
    return [&] {
      const torch::NoGradGuard no_grad;
      trainer.net->hidden->bias.add_(forgotten++);
    };
  };
  const ResumeProof proof = prove_resume(trainer.state, begin, 2);
  CHECK_FALSE(proof.exact);
  CHECK_THAT(proof.difference, Contains("model entry model.hidden.bias: element 0 of"));
  CHECK_THAT(proof.difference, Contains("float32"));
}

TEST_CASE("An optimizer's state that appears only the first time is a difference") {
  torch::nn::Linear model(2, 1);
  torch::optim::Adam adam(model->parameters(), 0.1);
  TrainingState state;
  state.add_module("model", model);
  state.add_optimizer("adam", adam);
  bool first = true;
  const BeginTraining begin = [&] {
    return [&] {
      if (!std::exchange(first, false)) return;
      model->forward(torch::ones({1, 2})).sum().backward();
      adam.step();
    };
  };
  const ResumeProof proof = prove_resume(state, begin, 1);
  CHECK_FALSE(proof.exact);
  CHECK_THAT(proof.difference, Contains("entry"));
}

TEST_CASE("A proof takes at least one step, and a step's exception passes on") {
  Trainer trainer(7);
  CHECK(thrown_by([&] {
          prove_resume(
              trainer.state, [] { return TrainStep(); }, 0);
        }).code() == ErrorCode::invalid_argument);
  const BeginTraining begin = [] { return [] { throw std::runtime_error("no data"); }; };
  CHECK_THROWS_WITH(prove_resume(trainer.state, begin, 1), "no data");
}

}  // namespace
}  // namespace lastgood::test
