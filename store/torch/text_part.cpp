// State that is a text: JSON of the user's or of a schedule, and bytes. A restore hands it back with the way to undo
// that, since whoever takes it may refuse it when other parts have changed already.
#include <typeinfo>
#include <utility>

#include <lastgood/error.h>
#include <torch/optim/schedulers/step_lr.h>
#include <nlohmann/json.hpp>

#include "store/torch/capture.h"
#include "store/torch/part.h"
#include "store/torch/restore_plan.h"

namespace lastgood::adapter {
namespace {

class TextPart : public Part {
 public:
  TextPart(Section section, std::string name, TextAccess access)
      : section_(section), name_(std::move(name)), access_(std::move(access)) {}

  void capture(Capture::Impl& out) const override { out.add_json(section_, name_, access_.get()); }

  void plan(RestorePlan& plan) override {
    plan.claim_text(section_, name_, DType::json,
                    [this, &plan](const std::string& text) { plan.change(name_, access_, text); });
  }

 private:
  Section section_;
  std::string name_;
  TextAccess access_;
};

class BytesPart : public Part {
 public:
  BytesPart(std::string name, TextAccess access) : name_(std::move(name)), access_(std::move(access)) {}

  void capture(Capture::Impl& out) const override { out.add_bytes(Section::extra, name_, access_.get()); }

  void plan(RestorePlan& plan) override {
    plan.claim_text(Section::extra, name_, DType::bytes,
                    [this, &plan](const std::string& bytes) { plan.change(name_, access_, bytes); });
  }

 private:
  std::string name_;
  TextAccess access_;
};

/// The way to a schedule's step count, which LibTorch keeps protected and writes to no archive.
struct StepCount : torch::optim::LRScheduler {
  static constexpr unsigned torch::optim::LRScheduler::*kMember = &StepCount::step_count_;
};

}  // namespace

std::unique_ptr<Part> make_text_part(Section section, std::string name, TextAccess access) {
  return std::make_unique<TextPart>(section, std::move(name), std::move(access));
}

std::unique_ptr<Part> make_bytes_part(std::string name, TextAccess access) {
  return std::make_unique<BytesPart>(std::move(name), std::move(access));
}

TextAccess step_lr_access(const std::string& name, torch::optim::LRScheduler& scheduler) {
  // Exactly that class: one derived from it may hold more.
  if (typeid(scheduler) != typeid(torch::optim::StepLR)) {
    throw Error(ErrorCode::invalid_argument, name,
                "The schedule " + name +
                    " is not LibTorch's StepLR, and what else it holds is not known. Let its class "
                    "implement lastgood::Stateful, and add it as that.");
  }
  // The rates themselves are options of the optimizer; StepLR goes on from those.
  return {[&scheduler] {
            return nlohmann::json{{"type", "StepLR"}, {"step_count", scheduler.*StepCount::kMember}}.dump();
          },
          [&scheduler](const std::string& text) {
            const auto state = nlohmann::json::parse(text);
            if (state.at("type") != "StepLR") throw std::invalid_argument("it is not the state of a StepLR");
            scheduler.*StepCount::kMember = state.at("step_count").get<unsigned>();
          }};
}

}  // namespace lastgood::adapter
