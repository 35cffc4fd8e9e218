#include "store/torch/restore_plan.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <optional>

#include <c10/core/ScalarType.h>
#include <lastgood/error.h>

#include "store/torch/quantized.h"

namespace lastgood::adapter {
namespace {

std::string text_of(const EntrySpec& spec) {
  std::string text = std::string(to_string(spec.dtype)) + " [";
  for (std::size_t i = 0; i < spec.shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(spec.shape[i]);
  text += "]";
  return spec.alias_of.empty() ? text : text + " tied to " + spec.alias_of;
}

std::string what_is(Section section, const std::string& name) {
  return std::string(to_string(section)) + " entry " + name;
}

/// Nothing for what this LibTorch has no word for.
std::optional<at::ScalarType> to_scalar_type(DType dtype) {
  for (int i = 0; i < static_cast<int>(at::ScalarType::NumOptions); ++i) {
    const auto type = static_cast<at::ScalarType>(i);
    if (to_dtype(type) == dtype) return type;
  }
  return std::nullopt;
}

}  // namespace

RestorePlan::RestorePlan(std::string subject, const std::vector<EntrySpec>& saved, const RestoreOptions& options)
    : subject_(std::move(subject)),
      saved_(subject_, saved, options, report_.skipped),
      strict_(options.strict),
      convert_dtypes_(options.convert_dtypes) {}

std::vector<std::string> RestorePlan::claim_rest(Section section, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& [of, name] : saved_.unclaimed()) {
    if (of == section && name.starts_with(prefix)) names.push_back(name);
  }
  for (const std::string& name : names) saved_.claim(section, name);
  return names;
}

/// Null where nothing is to be loaded: not selected, missing, or a mismatch, which is noted.
const EntrySpec* RestorePlan::claim(const EntrySpec& wanted) {
  const EntrySpec* saved = spec(wanted.section, wanted.name);
  return claim(wanted, saved == nullptr ? std::string() : renamed(saved->alias_of));
}

/// `saved_owner` is what the checkpoint's entry is to be taken as tied to.
const EntrySpec* RestorePlan::claim(const EntrySpec& wanted, const std::string& saved_owner) {
  if (!selects(wanted.section, wanted.name)) return nullptr;
  const EntrySpec* found = spec(wanted.section, wanted.name);
  // Claimed also where it does not fit: it is then told once, as a mismatch, and not as unexpected, too.
  saved_.claim(wanted.section, wanted.name);
  const std::string what = what_is(wanted.section, wanted.name);
  if (found == nullptr) {
    missing(wanted.name, what + " is missing from the checkpoint");
    return nullptr;
  }
  EntrySpec saved = *found;
  saved.name = wanted.name;
  saved.alias_of = saved_owner;
  if (saved == wanted || converts(saved, wanted)) return found;
  mismatch(what + " is " + text_of(saved) + " in the checkpoint and " + text_of(wanted) + " here");
  return nullptr;
}

/// By c10::canCast(), LibTorch's own rule for what may be written into what.
bool RestorePlan::converts(const EntrySpec& saved, const EntrySpec& wanted) {
  if (!convert_dtypes_ || saved.shape != wanted.shape || saved.alias_of != wanted.alias_of) return false;
  const auto from = to_scalar_type(saved.dtype);
  const auto to = to_scalar_type(wanted.dtype);
  // Not to a kind of number that loses more than digits: complex to real, real to whole.
  if (!from || !to || !c10::canCast(*from, *to)) return false;
  report_.converted.push_back(wanted.name);
  return true;
}

void RestorePlan::claim_tensor(Section section, const std::string& name, const at::Tensor& destination) {
  require_keepable(destination, name);
  const at::Tensor memory = integers_of(destination);
  const EntrySpec wanted = spec_of(memory, section, name);
  if (const EntrySpec* spec = claim(wanted)) add_tensor_slot(*spec, memory);
  claim_quantizer(wanted, destination);
}

void RestorePlan::claim_tied(const std::string& name, const at::Tensor& destination) {
  require_keepable(destination, name);
  if (!selects(Section::model, name)) return;
  const at::Tensor memory = integers_of(destination);
  EntrySpec wanted = spec_of(memory, Section::model, name);
  const EntrySpec* saved = spec(Section::model, name);
  std::string saved_owner = saved == nullptr ? std::string() : renamed(saved->alias_of);
  // An entry that is missing leaves the tensor to the next name that it bears.
  if (saved != nullptr) wanted.alias_of = ties_.owner(memory, name);
  // Weights that are tied there alone come apart where the restore is a partial one.
  const bool comes_apart = !strict_ || !has(Section::model, saved_owner);
  if (wanted.alias_of.empty() && comes_apart) saved_owner.clear();
  const EntrySpec* spec = claim(wanted, saved_owner);
  if (spec != nullptr && wanted.alias_of.empty()) add_tensor_slot(*spec, memory);
  claim_quantizer(wanted, destination);
}

/// Integers without what they stand for, or converted, are other values: a mismatch also where entries may be missing.
void RestorePlan::claim_quantizer(const EntrySpec& wanted, const at::Tensor& destination) {
  const EntrySpec* integers = spec(wanted.section, wanted.name);
  if (integers == nullptr) return;
  const std::string name = quantizer_name(wanted.name);
  const EntrySpec* saved = spec(wanted.section, name);
  const bool is_saved = saved != nullptr && saved->dtype == DType::json;
  if (!is_saved && !destination.is_quantized()) return;
  const std::string what = what_is(wanted.section, wanted.name);
  saved_.claim(wanted.section, name);
  if (!destination.is_quantized()) return mismatch(what + " is quantized in the checkpoint, and not here");
  if (!is_saved)
    return mismatch(what + " is quantized here, and " + name + " is not in the checkpoint or not selected");
  if (integers->dtype != wanted.dtype && convert_dtypes_) mismatch(what + " is quantized: integers are not converted");
  claim_text(wanted.section, name, DType::json, [this, what, destination](const std::string& text) {
    try {
      commit(
          [destination, quantizer = quantizer_from(text, destination)] { at::set_quantizer_(destination, quantizer); });
    } catch (const Error& error) {
      mismatch(what + " does not fit: " + error.what());
    }
  });
}

/// Straight into the tensor's memory where that holds the bytes as they are; else beside it, and copied in the commit.
void RestorePlan::add_tensor_slot(const EntrySpec& spec, const at::Tensor& destination) {
  const at::ScalarType saved_type = to_scalar_type(spec.dtype).value();
  if (is_plain(destination) && saved_type == destination.scalar_type()) {
    tensor_slots_.push_back({spec, destination.data_ptr()});
    // Whoever watches the version counter (autograd, a save under way) must learn of a write behind LibTorch's back.
    commit([destination] { destination.unsafeGetTensorImpl()->bump_version(); });
    return;
  }
  const at::Tensor staged =
      at::empty(destination.sizes(),
                at::TensorOptions().dtype(saved_type).device(at::kCPU).memory_format(at::MemoryFormat::Contiguous));
  tensor_slots_.push_back({spec, staged.data_ptr()});
  commit([staged, destination] {
    const at::NoGradGuard no_grad;
    destination.detach().copy_(staged);
  });
}

void RestorePlan::claim_number(Section section, const std::string& name, std::int64_t* destination) {
  // A tensor over the number itself: one way for all entries.
  claim_tensor(section, name, at::from_blob(destination, {}, at::kLong));
}

void RestorePlan::claim_number(Section section, const std::string& name, double* destination) {
  claim_tensor(section, name, at::from_blob(destination, {}, at::kDouble));
}

void RestorePlan::claim_text(Section section, const std::string& name, DType dtype,
                             std::function<void(const std::string&)> read) {
  // The length is the checkpoint's business.
  const EntrySpec* saved = this->spec(section, name);
  std::vector<std::int64_t> shape;
  if (saved != nullptr && saved->dtype == dtype) shape = saved->shape;
  const EntrySpec* spec = claim({section, name, dtype, std::move(shape), {}});
  if (spec == nullptr) return;
  // In a deque, whose elements stay where they are: the slot points into this one.
  Text& text = texts_.emplace_back(std::string(spec->byte_count(), '\0'), std::move(read));
  text_slots_.push_back({*spec, text.bytes.data()});
}

void RestorePlan::claim_numbers(Section section, const std::string& name,
                                std::function<void(std::vector<std::int64_t>)> read) {
  claim_text(section, name, DType::int64, [read = std::move(read)](const std::string& bytes) {
    std::vector<std::int64_t> values(bytes.size() / sizeof(std::int64_t));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    read(std::move(values));
  });
}

void RestorePlan::mismatch(std::string what) {
  mismatches_.push_back(std::move(what));
}

void RestorePlan::missing(const std::string& name, std::string what) {
  if (strict_) return mismatch(std::move(what));
  report_.missing.push_back(name);
}

void RestorePlan::unexpected(const std::string& name, std::string what) {
  if (strict_) return mismatch(std::move(what));
  report_.unexpected.push_back(name);
}

void RestorePlan::check(std::function<void()> action) {
  checks_.push_back(std::move(action));
}

void RestorePlan::change(std::string name, TextAccess access, std::string text) {
  changes_.push_back({std::move(name), std::move(access), std::move(text), {}});
}

void RestorePlan::commit(std::function<void()> action) {
  commits_.push_back(std::move(action));
}

/// Everything that may fail stands above the commits.
RestoreReport RestorePlan::run(const LoadSlots& load) {
  for (const auto& [section, name] : saved_.unclaimed()) {
    unexpected(name, what_is(section, name) + " is in the checkpoint and not here");
  }
  require_match();
  read_texts(load);
  for (const auto& action : checks_) action();
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
  return std::move(report_);
}

void RestorePlan::require_match() const {
  constexpr std::size_t kNamed = 5;
  if (mismatches_.empty()) return;
  std::string list;
  for (std::size_t i = 0; i < std::min(mismatches_.size(), kNamed); ++i) list += "\n  " + mismatches_[i];
  if (mismatches_.size() > kNamed) list += "\n  and " + std::to_string(mismatches_.size() - kNamed) + " more";
  throw Error(
      ErrorCode::invalid_argument, subject_,
      subject_ + " does not fit this program's training state:" + list +
          "\nNothing was changed. Build the state as it was when it was saved, restore another checkpoint, or tell "
          "RestoreOptions what may differ.");
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

/// Backwards, and the first refusal ends it: then the state is no longer what it was, and the error says so.
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
