// A capture owns whatever its views point to that is not the user's: texts, numbers, and plain copies of tensors. They
// lie in containers that never move an element.
#include "store/torch/capture.h"

#include <utility>

#include <lastgood/error.h>
#include <nlohmann/json.hpp>

#include "store/torch/quantized.h"

namespace lastgood {

Capture::Capture(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Capture::Capture(Capture&&) noexcept = default;
Capture& Capture::operator=(Capture&&) noexcept = default;
Capture::~Capture() = default;

std::span<const TensorView> Capture::views() const noexcept {
  return impl_->views;
}

void Capture::Impl::add_tensor(Section section, const std::string& name, const at::Tensor& tensor,
                               bool changes_in_forward) {
  adapter::require_keepable(tensor, name);
  const at::Tensor memory = adapter::integers_of(tensor);
  const at::Tensor& kept = tensors.emplace_back(adapter::to_plain(memory));
  TensorView view{adapter::spec_of(memory, section, name), kept.data_ptr(), changes_in_forward, {}};
  // A copy is nobody else's and cannot change; the live tensor tells when it did.
  // The view holds the tensor, too: a capture may outlive the module that it was made of.
  if (kept.is_same(memory)) {
    view.version = [kept] { return static_cast<std::uint64_t>(kept._version()); };
  }
  views.push_back(std::move(view));
  add_quantizer(section, name, tensor);
}

void Capture::Impl::add_tied(const std::string& name, const at::Tensor& tensor, bool changes_in_forward) {
  adapter::require_keepable(tensor, name);
  const at::Tensor memory = adapter::integers_of(tensor);
  std::string owner = ties.owner(memory, name);
  if (owner.empty()) {
    add_tensor(Section::model, name, tensor, changes_in_forward);
    return;
  }
  EntrySpec spec = adapter::spec_of(memory, Section::model, name);
  // Its bytes are the owner's: a view without memory.
  spec.alias_of = std::move(owner);
  views.push_back({std::move(spec), nullptr, false, {}});
  add_quantizer(Section::model, name, tensor);
}

void Capture::Impl::add_quantizer(Section section, const std::string& name, const at::Tensor& tensor) {
  if (!tensor.is_quantized()) return;
  add_json(section, adapter::quantizer_name(name), adapter::quantizer_text(tensor));
}

void Capture::Impl::add_number(Section section, const std::string& name, std::int64_t value) {
  views.push_back({{section, name, DType::int64, {}, {}}, &numbers.emplace_back(value), true, {}});
}

void Capture::Impl::add_number(Section section, const std::string& name, double value) {
  views.push_back({{section, name, DType::float64, {}, {}}, &reals.emplace_back(value), true, {}});
}

void Capture::Impl::add_numbers(Section section, const std::string& name,
                                std::shared_ptr<const std::vector<std::int64_t>> values) {
  const std::vector<std::int64_t>& kept = *lists.emplace_back(std::move(values));
  views.push_back(
      {{section, name, DType::int64, {static_cast<std::int64_t>(kept.size())}, {}}, kept.data(), false, {}});
}

void Capture::Impl::add_json(Section section, const std::string& name, std::string text) {
  // Found out now, and not when a resume reads it.
  if (!nlohmann::json::accept(text)) {
    throw Error(
        ErrorCode::invalid_argument, name,
        "The state that " + name + " gave is not JSON: \"" + text.substr(0, 80) + "\". Correct what returns it.");
  }
  add_text(section, name, DType::json, std::move(text));
}

void Capture::Impl::add_bytes(Section section, const std::string& name, std::string bytes) {
  add_text(section, name, DType::bytes, std::move(bytes));
}

void Capture::Impl::add_text(Section section, const std::string& name, DType dtype, std::string text) {
  const std::string& kept = texts.emplace_back(std::move(text));
  const auto size = static_cast<std::int64_t>(kept.size());
  views.push_back({{section, name, dtype, {size}, {}}, kept.data(), true, {}});
}

}  // namespace lastgood
