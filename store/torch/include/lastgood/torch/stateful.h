// What a part of a training run offers so that its state is kept: a text out, and the same text in again.
//
//   class Warmup : public lastgood::Stateful {
//     std::string save_state() const override { return "{\"step\":" + std::to_string(step_) + "}"; }
//     void load_state(const std::string& json) override { step_ = nlohmann::json::parse(json).at("step"); }
//   };
#pragma once

#include <string>

namespace lastgood {

class Stateful {
 public:
  virtual ~Stateful() = default;

  /// The whole state as JSON. Equal states give equal texts. Must not change the state.
  virtual std::string save_state() const = 0;

  /// Takes a text that save_state() gave, in this process or an earlier one. Throws (anything derived from
  /// std::exception) and changes nothing when it cannot. A restore that fails later on calls it again with the text
  /// that save_state() gave just before, so it must accept that.
  virtual void load_state(const std::string& json) = 0;
};

}  // namespace lastgood
