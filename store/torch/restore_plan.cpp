#include "store/torch/restore_plan.h"

#include <algorithm>
#include <exception>

#include <lastgood/error.h>

namespace lastgood::adapter {
namespace {

std::string text_of(const EntrySpec& spec) {
  std::string text = std::string(to_string(spec.dtype)) + " [";
  for (std::size_t i = 0; i < spec.shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(spec.shape[i]);
  text += "]";
  return spec.alias_of.empty() ? text : text + " tied to " + spec.alias_of;
}

}  // namespace

RestorePlan::RestorePlan(std::string subject, std::vector<EntrySpec> saved) : subject_(std::move(subject)) {
  for (EntrySpec& spec : saved) saved_.emplace(std::pair(spec.section, spec.name), spec);
  unclaimed_ = saved_;
}

bool RestorePlan::has(Section section, const std::string& name) const {
  return saved_.contains({section, name});
}

const EntrySpec* RestorePlan::claim(const EntrySpec& wanted) {
  const std::pair key(wanted.section, wanted.name);
  const std::string what = std::string(to_string(wanted.section)) + " entry " + wanted.name;
  const auto found = saved_.find(key);
  unclaimed_.erase(key);
  if (found == saved_.end()) {
    mismatch(what + " is missing from the checkpoint");
    return nullptr;
  }
  if (found->second == wanted) return &found->second;
  mismatch(what + " is " + text_of(found->second) + " in the checkpoint and " + text_of(wanted) + " here");
  return nullptr;
}

void RestorePlan::claim_tensor(Section section, const std::string& name, const at::Tensor& destination) {
  require_keepable(destination, name);
  if (const EntrySpec* spec = claim(spec_of(destination, section, name))) add_tensor_slot(*spec, destination);
}

void RestorePlan::claim_tied(const std::string& name, const at::Tensor& destination) {
  require_keepable(destination, name);
  EntrySpec wanted = spec_of(destination, Section::model, name);
  wanted.alias_of = ties_.owner(destination, name);
  const EntrySpec* spec = claim(wanted);
  if (spec != nullptr && wanted.alias_of.empty()) add_tensor_slot(*spec, destination);
}

void RestorePlan::add_tensor_slot(const EntrySpec& spec, const at::Tensor& destination) {
  if (is_plain(destination)) {
    tensor_slots_.push_back({spec, destination.data_ptr()});
    // Whoever watches the version counter (autograd, a save under way) must learn of a write behind LibTorch's back.
    commit([destination] { destination.unsafeGetTensorImpl()->bump_version(); });
    return;
  }
  const at::Tensor staged = at::empty(
      destination.sizes(),
      destination.options().device(at::kCPU).memory_format(at::MemoryFormat::Contiguous).requires_grad(false));
  tensor_slots_.push_back({spec, staged.data_ptr()});
  commit([staged, destination] {
    const at::NoGradGuard no_grad;
    destination.detach().copy_(staged);
  });
}

void RestorePlan::claim_number(Section section, const std::string& name, std::int64_t* destination) {
  if (const EntrySpec* spec = claim({section, name, DType::int64, {}, {}})) {
    tensor_slots_.push_back({*spec, destination});
  }
}

void RestorePlan::claim_text(Section section, const std::string& name, DType dtype,
                             std::function<void(const std::string&)> read) {
  // The length is the checkpoint's business.
  const auto saved = saved_.find({section, name});
  std::vector<std::int64_t> shape;
  if (saved != saved_.end() && saved->second.dtype == dtype) shape = saved->second.shape;
  const EntrySpec* spec = claim({section, name, dtype, std::move(shape), {}});
  if (spec == nullptr) return;
  Text& text = texts_.emplace_back(std::string(spec->byte_count(), '\0'), std::move(read));
  text_slots_.push_back({*spec, text.bytes.data()});
}

void RestorePlan::mismatch(std::string what) {
  mismatches_.push_back(std::move(what));
}

void RestorePlan::change(std::string name, TextAccess access, std::string text) {
  changes_.push_back({std::move(name), std::move(access), std::move(text), {}});
}

void RestorePlan::commit(std::function<void()> action) {
  commits_.push_back(std::move(action));
}

void RestorePlan::run(const LoadSlots& load) {
  for (const auto& [key, spec] : unclaimed_) {
    mismatch(std::string(to_string(spec.section)) + " entry " + spec.name + " is in the checkpoint and not here");
  }
  require_match();
  read_texts(load);
  require_match();
  std::size_t applied = 0;
  try {
    apply_changes(applied);
    load(tensor_slots_);
  } catch (...) {
    undo_changes(applied);
    throw;
  }
  for (const auto& action : commits_) action();
}

void RestorePlan::require_match() const {
  constexpr std::size_t kNamed = 5;
  if (mismatches_.empty()) return;
  std::string list;
  for (std::size_t i = 0; i < std::min(mismatches_.size(), kNamed); ++i) list += "\n  " + mismatches_[i];
  if (mismatches_.size() > kNamed) list += "\n  and " + std::to_string(mismatches_.size() - kNamed) + " more";
  throw Error(ErrorCode::invalid_argument, subject_,
              subject_ + " does not fit this program's training state:" + list +
                  "\nNothing was changed. Build the state as it was when it was saved, or restore another checkpoint.");
}

void RestorePlan::read_texts(const LoadSlots& load) {
  load(text_slots_);
  for (const Text& text : texts_) text.read(text.bytes);
}

void RestorePlan::apply_changes(std::size_t& applied) {
  for (Change& change : changes_) {
    change.old_text = change.access.get();
    // Counted before it is tried: one that throws half way through is put back as well.
    ++applied;
    try {
      change.access.set(change.text);
    } catch (const std::exception& error) {
      throw Error(ErrorCode::invalid_argument, change.name,
                  subject_ + " holds a state that " + change.name + " refused: " + error.what() +
                      "\nNothing was changed. Correct its load, or restore another checkpoint.");
    }
  }
}

void RestorePlan::undo_changes(std::size_t applied) {
  for (std::size_t i = applied; i > 0; --i) {
    const Change& change = changes_[i - 1];
    try {
      change.access.set(change.old_text);
    } catch (const std::exception& error) {
      throw Error(ErrorCode::invalid_argument, change.name,
                  "A restore failed, and " + change.name + " then refused the state that it had given just before: " +
                      error.what() + "\nCorrect its load, and start the program anew.");
    }
  }
}

}  // namespace lastgood::adapter
