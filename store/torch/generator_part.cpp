// A generator's state is bytes that only its own kind understands. It is asked and set under its mutex, so that a
// thread which draws numbers sees the old state or the new one.
#include <cstring>
#include <mutex>
#include <utility>

#include <ATen/Context.h>
#include <c10/util/Exception.h>
#include <torch/cuda.h>

#include "store/torch/capture.h"
#include "store/torch/part.h"
#include "store/torch/restore_plan.h"

namespace lastgood::adapter {
namespace {

/// Under the generator's lock, as ATen asks of whoever uses one ("Acquire lock when using random generators").
std::string state_of(at::Generator generator) {
  const std::lock_guard lock(generator.mutex());
  const at::Tensor state = generator.get_state().to(at::kCPU).contiguous();
  return {static_cast<const char*>(state.data_ptr()), state.nbytes()};
}

void plan_generator(RestorePlan& plan, const std::string& name, at::Generator generator) {
  plan.claim_text(Section::rng, name, DType::bytes, [&plan, name, generator](const std::string& bytes) mutable {
    const at::Tensor state = at::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
    std::memcpy(state.data_ptr(), bytes.data(), bytes.size());
    try {
      // A clone tries it first: what it takes, the generator itself cannot refuse at the commit.
      generator.clone().set_state(state);
    } catch (const c10::Error& error) {
      plan.mismatch("rng entry " + name + " is of another kind of generator: " + error.what_without_backtrace());
      return;
    }
    plan.commit([generator, state]() mutable {
      const std::lock_guard lock(generator.mutex());
      generator.set_state(state);
    });
  });
}

class GeneratorPart : public Part {
 public:
  GeneratorPart(std::string name, at::Generator generator) : name_(std::move(name)), generator_(std::move(generator)) {}

  void capture(Capture::Impl& out) const override { out.add_bytes(Section::rng, name_, state_of(generator_)); }
  void plan(RestorePlan& plan) override { plan_generator(plan, name_, generator_); }

 private:
  std::string name_;
  at::Generator generator_;
};

/// Made for each capture and restore, and never registered: devices are those of that moment.
class DefaultGeneratorsPart : public Part {
 public:
  void capture(Capture::Impl& out) const override {
    for (const auto& [name, generator] : default_generators()) {
      out.add_bytes(Section::rng, name, state_of(generator));
    }
  }

  void plan(RestorePlan& plan) override {
    for (const auto& [name, generator] : default_generators()) {
      // A device that the saving machine lacked has drawn nothing that mattered; one that is lacking here is a
      // mismatch.
      if (generator.device().is_cpu() || plan.has(Section::rng, name)) plan_generator(plan, name, generator);
    }
  }

 private:
  static std::vector<std::pair<std::string, at::Generator>> default_generators() {
    std::vector<std::pair<std::string, at::Generator>> all;
    all.emplace_back("default.cpu", at::globalContext().defaultGenerator(at::kCPU));
    if (!torch::cuda::is_available()) return all;
    const auto count = static_cast<int>(torch::cuda::device_count());
    for (int i = 0; i < count; ++i) {
      const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(i));
      all.emplace_back("default.cuda." + std::to_string(i), at::globalContext().defaultGenerator(device));
    }
    return all;
  }
};

}  // namespace

std::unique_ptr<Part> make_generator_part(std::string name, at::Generator generator) {
  return std::make_unique<GeneratorPart>(std::move(name), std::move(generator));
}

std::unique_ptr<Part> make_default_generators_part() {
  return std::make_unique<DefaultGeneratorsPart>();
}

}  // namespace lastgood::adapter
