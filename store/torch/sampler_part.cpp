// NAME is the position's text; NAME.order and NAME.batch_sizes are the epoch's order. A checkpoint in which the text
// has the order itself (written by a version that knew no other, or of such a position) is restored as it is.
#include <utility>

#include <lastgood/error.h>

#include "store/torch/capture.h"
#include "store/torch/part.h"
#include "store/torch/restore_plan.h"

namespace lastgood::adapter {
namespace {

using Numbers = std::vector<std::int64_t>;

class SamplerPart : public Part {
 public:
  SamplerPart(std::string name, SamplerPosition& position) : name_(std::move(name)), position_(position) {}

  void capture(Capture::Impl& out) const override {
    const auto [text, order] = position_.save_parts();
    out.add_json(Section::extra, name_, text);
    if (order == nullptr) return;
    // Each keeps the whole order alive.
    out.add_numbers(Section::extra, indices_name(), {order, &order->indices});
    out.add_numbers(Section::extra, sizes_name(), {order, &order->batch_sizes});
  }

  void plan(RestorePlan& plan) override {
    auto saved = std::make_shared<Saved>();
    plan.claim_text(Section::extra, name_, DType::json, [saved](const std::string& text) { saved->text = text; });
    const auto claim = [&](const std::string& name, Numbers SamplerPosition::Order::*numbers) {
      if (!plan.has(Section::extra, name)) return;
      ++saved->lists;
      plan.claim_numbers(Section::extra, name,
                         [saved, numbers](Numbers values) { (*saved->order).*numbers = std::move(values); });
    };
    claim(indices_name(), &SamplerPosition::Order::indices);
    claim(sizes_name(), &SamplerPosition::Order::batch_sizes);
    plan.check([this, saved, &plan] { take(*saved, plan); });
  }

 private:
  struct Saved {
    std::string text;  // empty: not selected, or missing, which has been told
    std::shared_ptr<SamplerPosition::Order> order = std::make_shared<SamplerPosition::Order>();
    int lists = 0;  // entries of the order
  };

  std::string indices_name() const { return name_ + ".order"; }
  std::string sizes_name() const { return name_ + ".batch_sizes"; }

  void take(const Saved& saved, RestorePlan& plan) {
    if (saved.text.empty() && saved.lists == 0) return;
    SamplerPosition restored(position_.options());
    try {
      restored.load_parts(saved.text, saved.lists == 0 ? nullptr : saved.order);
    } catch (const Error& error) {
      return plan.mismatch("extra entry " + name_ + " does not fit; it is taken in together with " + indices_name() +
                           " and " + sizes_name() + ": " + error.what());
    }
    plan.commit([this, restored = std::move(restored)] { position_ = restored; });
  }

  std::string name_;
  SamplerPosition& position_;
};

}  // namespace

std::unique_ptr<Part> make_sampler_part(std::string name, SamplerPosition& position) {
  return std::make_unique<SamplerPart>(std::move(name), position);
}

}  // namespace lastgood::adapter
