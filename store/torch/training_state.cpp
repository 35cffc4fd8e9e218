// A state is a list of parts (part.h). Each knows how to list itself for a capture and how to claim its entries for a
// restore; what they have in common, names and errors, is here.
#include "store/torch/training_state.h"

#include <typeinfo>
#include <utility>

#include <lastgood/error.h>

#include "store/torch/capture.h"
#include "store/torch/translate.h"

namespace lastgood {
namespace {

adapter::TextAccess access_to(Stateful& part) {
  return {[&part] { return part.save_state(); }, [&part](const std::string& text) { part.load_state(text); }};
}

}  // namespace

// Nothing is owned but the list: modules, optimizers and what is Stateful are the user's, and outlive the state.
TrainingState::TrainingState() : impl_(std::make_unique<Impl>()) {}
TrainingState::TrainingState(TrainingState&&) noexcept = default;
TrainingState& TrainingState::operator=(TrainingState&&) noexcept = default;
TrainingState::~TrainingState() = default;

void TrainingState::add_module(const std::string& name, torch::nn::Module& module) {
  impl_->take_name(name);
  impl_->modules.push_back({name, &module});
  impl_->parts.push_back(adapter::make_module_part({name, &module}));
  // No part's name holds a dot, so this one is free.
  impl_->parts.push_back(adapter::make_training_mode_part({name, &module}));
}

void TrainingState::add_gradients(const std::string& name) {
  impl_->take_name(name);
  impl_->parts.push_back(adapter::make_gradients_part(name, impl_->modules));
  impl_->has_gradients = true;
}

// The part first: an optimizer that cannot be kept must not take a name.
void TrainingState::add_optimizer(const std::string& name, torch::optim::Optimizer& optimizer) {
  auto part = adapter::make_optimizer_part(name, optimizer, impl_->modules);
  impl_->take_name(name);
  impl_->parts.push_back(std::move(part));
  impl_->optimizers.emplace_back(name, &optimizer);
}

void TrainingState::add_scheduler(const std::string& name, torch::optim::LRScheduler& scheduler) {
  auto access = adapter::step_lr_access(name, scheduler);
  impl_->take_name(name);
  impl_->parts.push_back(adapter::make_text_part(Section::scheduler, name, std::move(access)));
}

void TrainingState::add_scheduler(const std::string& name, Stateful& scheduler) {
  impl_->take_name(name);
  impl_->parts.push_back(adapter::make_text_part(Section::scheduler, name, access_to(scheduler)));
}

void TrainingState::add_generator(const std::string& name, at::Generator generator) {
  if (!generator.defined()) {
    throw Error(ErrorCode::invalid_argument, name, "The generator " + name + " is undefined; make it first.");
  }
  impl_->take_name(name);
  impl_->parts.push_back(adapter::make_generator_part(name, std::move(generator)));
}

void TrainingState::add_data_position(const std::string& name, Stateful& position) {
  impl_->take_name(name);
  // Exactly that class: one derived from it may hold more, which its text has.
  if (typeid(position) == typeid(SamplerPosition)) {
    impl_->parts.push_back(adapter::make_sampler_part(name, static_cast<SamplerPosition&>(position)));
  } else {
    impl_->parts.push_back(adapter::make_text_part(Section::extra, name, access_to(position)));
  }
  impl_->data_positions.emplace_back(name, &position);
}

void TrainingState::add_json(const std::string& name, std::function<std::string()> get,
                             std::function<void(const std::string&)> set) {
  impl_->take_name(name);
  impl_->parts.push_back(adapter::make_text_part(Section::extra, name, {std::move(get), std::move(set)}));
}

void TrainingState::add_json(const std::string& name, Stateful& value) {
  impl_->take_name(name);
  impl_->parts.push_back(adapter::make_text_part(Section::extra, name, access_to(value)));
}

void TrainingState::add_bytes(const std::string& name, std::function<std::string()> get,
                              std::function<void(const std::string&)> set) {
  impl_->take_name(name);
  impl_->parts.push_back(adapter::make_bytes_part(name, {std::move(get), std::move(set)}));
}

void TrainingState::add_tensor(const std::string& name, at::Tensor tensor) {
  adapter::require_keepable(tensor, name);
  impl_->take_name(name);
  impl_->parts.push_back(adapter::make_tensor_part(name, std::move(tensor)));
}

// Lists tensors and makes texts; copies are made by the save, or here of what is not plain memory on the CPU.
Capture TrainingState::capture() const {
  return adapter::translate("the training state", "captured", [&] {
    auto capture = std::make_unique<Capture::Impl>();
    for (const auto& part : impl_->parts) part->capture(*capture);
    adapter::make_default_generators_part()->capture(*capture);
    return Capture(std::move(capture));
  });
}

RestoreReport TrainingState::restore(const Store& store, CheckpointId checkpoint, const RestoreOptions& options) {
  const std::string subject = "Checkpoint " + std::to_string(checkpoint.value);
  return impl_->restore_from(subject, entries(store, checkpoint), options, [&](std::span<const TensorSlot> slots) {
    LoadOptions load_options;
    // Strictness has been seen to for the whole state; each load is of a part of it.
    load_options.strict = false;
    load_options.staging = options.staging;
    load_options.threads = options.threads;
    load_options.progress = options.progress;
    load(store, checkpoint, slots, load_options);
  });
}

// A dot would make one part's entry look like another's: "model.weight" is entry "weight" of part "model".
void TrainingState::Impl::take_name(const std::string& name) {
  if (name.empty() || name.find('.') != std::string::npos) {
    throw Error(ErrorCode::invalid_argument, name,
                "\"" + name + "\" cannot name a part of a training state: names are not empty and hold no dot.");
  }
  if (!names.insert(name).second) {
    throw Error(ErrorCode::already_exists, name,
                "The training state has a part named " + name + " already. Give this one another name.");
  }
}

RestoreReport TrainingState::Impl::restore_from(const std::string& subject, const std::vector<EntrySpec>& saved,
                                                const RestoreOptions& options, const adapter::LoadSlots& load) {
  return adapter::translate(subject, "restored", [&] {
    adapter::RestorePlan plan(subject, saved, options);
    for (const auto& part : parts) part->plan(plan);
    const auto generators = adapter::make_default_generators_part();
    generators->plan(plan);
    return plan.run(load);
  });
}

}  // namespace lastgood
