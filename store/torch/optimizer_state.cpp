// Every kind of field has one overload to list it and one to claim it. A field that is undefined has no entry: its
// absence is the value.
#include "store/torch/optimizer_state.h"

#include <algorithm>

namespace lastgood::adapter {
namespace {

constexpr Section kSection = Section::optimizer;

/// One overload for each kind of field.
struct CaptureField {
  Capture::Impl& out;
  const std::string& entry;
  bool required;

  template <class Number>
  void operator()(const Number* number) const {
    out.add_number(kSection, entry, *number);
  }
  void operator()(const at::Tensor* tensor) const {
    if (tensor->defined() || required) out.add_tensor(kSection, entry, *tensor, false);
  }
  void operator()(const TensorDeque* list) const { add_list(*list); }
  void operator()(const OptionalTensors* list) const {
    if (list->has_value()) add_list(**list);
  }

  template <class List>
  void add_list(const List& list) const {
    // Which elements are there: its length is the list's, also where all are undefined.
    const at::Tensor defined = at::empty({static_cast<std::int64_t>(list.size())}, at::kBool);
    for (std::size_t i = 0; i < list.size(); ++i) defined.data_ptr<bool>()[i] = list[i].defined();
    out.add_tensor(kSection, entry, defined, false);
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].defined()) out.add_tensor(kSection, entry + "." + std::to_string(i), list[i], false);
    }
  }
};

/// The same kinds, the other way round: each claims what it needs and leaves a state that the load fills.
struct PlanField {
  RestorePlan& plan;
  const std::string& entry;
  const StateField& field;
  const at::Tensor& parameter;

  template <class Number>
  void operator()(Number* number) const {
    if (is_there()) plan.claim_number(kSection, entry, number);
  }
  void operator()(at::Tensor* tensor) const {
    if (!is_there()) return tensor->reset();
    if (field.shape == FieldShape::of_its_own) {
      // Its shape is known by the checkpoint alone.
      *tensor = claim_new(entry);
      return;
    }
    const bool fits = tensor->defined() && tensor->sizes() == parameter.sizes() && tensor->dtype() == parameter.dtype();
    if (!fits) *tensor = at::empty_like(parameter, parameter.options().requires_grad(false));
    plan.claim_tensor(kSection, entry, *tensor);
  }
  void operator()(TensorDeque* list) const {
    list->clear();
    if (!is_there()) return;
    const std::vector<at::Tensor> tensors = claim_list();
    list->assign(tensors.begin(), tensors.end());
  }
  void operator()(OptionalTensors* list) const {
    list->reset();
    if (is_there()) *list = claim_list();
  }

  /// A state that is there, or selected, in parts is a mismatch, also where a whole one may be missing.
  bool is_there() const {
    if (!plan.selects(kSection, entry)) {
      plan.mismatch("optimizer entry " + entry + " is not selected, and other parts of the same state are");
      return false;
    }
    if (plan.has(kSection, entry)) return true;
    if (field.required) plan.mismatch("optimizer entry " + entry + " is missing from the checkpoint");
    return false;
  }

  /// The list of booleans is claimed, too, though the names of the elements say the same: it is an entry like others.
  std::vector<at::Tensor> claim_list() const {
    const EntrySpec& spec = *plan.spec(kSection, entry);
    const auto size = spec.shape.size() == 1 ? spec.shape[0] : 0;
    plan.claim_tensor(kSection, entry, at::empty({size}, at::kBool));
    std::vector<at::Tensor> list(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string element = entry + "." + std::to_string(i);
      if (plan.has(kSection, element)) list[i] = claim_new(element);
    }
    return list;
  }

  /// A new tensor of the checkpoint's shape. All are of the parameter's type, but for a count (LBFGS' first H_diag).
  at::Tensor claim_new(const std::string& name) const {
    const EntrySpec& spec = *plan.spec(kSection, name);
    const at::ScalarType type = spec.dtype == DType::int64 ? at::kLong : parameter.scalar_type();
    at::Tensor tensor = at::empty(spec.shape, at::TensorOptions().dtype(type).device(parameter.device()));
    plan.claim_tensor(kSection, name, tensor);
    return tensor;
  }
};

std::string name_of(const std::string& entry, const StateField& field) {
  return entry + "." + field.name;
}

}  // namespace

void capture_state(Capture::Impl& out, const std::string& entry, const std::vector<StateField>& fields) {
  for (const StateField& field : fields) {
    std::visit(CaptureField{out, name_of(entry, field), field.required}, field.value);
  }
}

bool has_state(const RestorePlan& plan, const std::string& entry, const std::vector<StateField>& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const StateField& field) { return plan.has(kSection, name_of(entry, field)); });
}

bool selects_state(const RestorePlan& plan, const std::string& entry, const std::vector<StateField>& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const StateField& field) { return plan.selects(kSection, name_of(entry, field)); });
}

void plan_state(RestorePlan& plan, const std::string& entry, const std::vector<StateField>& fields,
                const at::Tensor& parameter) {
  for (const StateField& field : fields) {
    std::visit(PlanField{plan, name_of(entry, field), field, parameter}, field.value);
  }
}

}  // namespace lastgood::adapter
