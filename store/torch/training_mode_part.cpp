// Which modules are in training mode: the root's flag, and the modules whose flag is another. So a model that is wholly
// in one mode costs a few bytes, and one that is partly frozen comes back as it was.
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "store/torch/capture.h"
#include "store/torch/part.h"
#include "store/torch/restore_plan.h"

namespace lastgood::adapter {
namespace {

using nlohmann::json;

class TrainingModePart : public Part {
 public:
  explicit TrainingModePart(NamedModule module) : module_(std::move(module)), entry_(module_.name + ".training") {}

  void capture(Capture::Impl& out) const override { out.add_json(Section::extra, entry_, text()); }

  void plan(RestorePlan& plan) override {
    plan.claim_text(Section::extra, entry_, DType::json,
                    [this, &plan](const std::string& saved) { plan_mode(plan, saved); });
  }

 private:
  /// Modules by their names in section model; the root is not among them.
  auto modules() const { return module_.module->named_modules(module_.name, false); }

  std::string text() const {
    std::set<std::string> others;
    const bool training = module_.module->is_training();
    for (const auto& item : modules()) {
      if (item.value()->is_training() != training) others.insert(item.key());
    }
    return json{{"training", training}, {"others", others}}.dump();
  }

  /// Names of modules are renamed as those of their parameters are.
  void plan_mode(RestorePlan& plan, const std::string& saved) const {
    json renamed;
    try {
      renamed = json::parse(saved);
      std::set<std::string> others;
      for (const auto& name : renamed.at("others")) others.insert(plan.renamed(name.get<std::string>()));
      renamed["others"] = others;
      renamed.at("training").get<bool>();
    } catch (const json::exception& error) {
      plan.mismatch("extra entry " + entry_ + " is not a module's mode: " + error.what());
      return;
    }
    const auto known = modules();
    for (const json& item : renamed["others"]) {
      const auto name = item.get<std::string>();
      if (!known.contains(name)) plan.unexpected(name, "module " + name + " is in the checkpoint and not here");
    }
    // A module's train() may be the user's own, so it is called where code of the user's is.
    plan.change(entry_, {[this] { return text(); }, [this](const std::string& mode) { set(json::parse(mode)); }},
                renamed.dump());
  }

  /// Parents come before their modules, which train() then sets apart again.
  void set(const json& mode) const {
    const bool training = mode.at("training").get<bool>();
    const auto others = mode.at("others").get<std::set<std::string>>();
    if (module_.module->is_training() != training) module_.module->train(training);
    for (auto& item : modules()) {
      const bool own = training != others.contains(item.key());
      if (item.value()->is_training() != own) item.value()->train(own);
    }
  }

  NamedModule module_;
  std::string entry_;
};

}  // namespace

std::unique_ptr<Part> make_training_mode_part(NamedModule module) {
  return std::make_unique<TrainingModePart>(std::move(module));
}

}  // namespace lastgood::adapter
