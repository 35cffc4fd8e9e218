// Section by section, so that no more of the checkpoint is in memory than one of them.
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <lastgood/error.h>
#include <lastgood/load.h>
#include <lastgood/torch/timeout.h>
#include <torch/types.h>

namespace lastgood {
namespace {

/// Of the types that a conversion to a wider one knows.
std::optional<at::ScalarType> scalar_type(DType dtype) {
  switch (dtype) {
    case DType::float16: return at::kHalf;
    case DType::bfloat16: return at::kBFloat16;
    case DType::float32: return at::kFloat;
    case DType::float64: return at::kDouble;
    case DType::complex64: return at::kComplexFloat;
    case DType::complex128: return at::kComplexDouble;
    default: return std::nullopt;
  }
}

bool is_same(const HostEntry& saved, const TensorView& here) {
  if (saved.spec.shape != here.spec.shape) return false;
  if (saved.spec.dtype == here.spec.dtype) {
    const std::uint64_t size = here.spec.byte_count();
    return size == 0 || std::memcmp(saved.data.get(), here.data, size) == 0;
  }
  const auto from = scalar_type(saved.spec.dtype), to = scalar_type(here.spec.dtype);
  if (!from || !to) return false;
  const auto tensor = [](const void* data, const EntrySpec& spec, at::ScalarType type) {
    return torch::from_blob(const_cast<void*>(data), spec.shape, type);
  };
  const at::Tensor converted = tensor(saved.data.get(), saved.spec, *from).to(*to).contiguous();
  return std::memcmp(converted.data_ptr(), here.data, here.spec.byte_count()) == 0;
}

std::vector<std::string> differences(const Store& store, CheckpointId checkpoint, Section section,
                                     const Capture& capture) {
  std::map<std::string, HostEntry> saved;
  for (HostEntry& entry : load_to_host(store, checkpoint, {.section = section})) {
    saved.emplace(entry.spec.name, std::move(entry));
  }
  std::vector<std::string> different;
  for (const TensorView& view : capture.views()) {
    if (view.spec.section != section) continue;
    const auto found = saved.find(view.spec.name);
    const bool is_alias = !view.spec.alias_of.empty();  // its owner is compared
    if (found == saved.end() || (!is_alias && !is_same(found->second, view))) different.push_back(view.spec.name);
    if (found != saved.end()) saved.erase(found);
  }
  for (const auto& [name, entry] : saved) different.push_back(name);
  return different;
}

template <class Count>
void require_same(const std::function<Count()>& count, Count saved, const char* what) {
  if (!count) return;
  const Count here = count();
  if (here == saved) return;
  throw Error(ErrorCode::internal, what,
              std::string("the trainer is at ") + what + " " + std::to_string(here) + ", the checkpoint at " +
                  std::to_string(saved));
}

}  // namespace

// Counts first: they cost nothing, and a trainer that counts on from elsewhere is the likeliest fault.
void verify_restored(const Store& store, const TrainingState& state, const CheckpointInfo& checkpoint,
                     const TrainerCounts& counts) {
  require_same(counts.step, checkpoint.step, "step");
  require_same(counts.epoch, checkpoint.epoch, "epoch");
  const Capture capture = state.capture();
  for (const Section section : {Section::optimizer, Section::scheduler, Section::rng, Section::extra}) {
    const std::vector<std::string> different = differences(store, checkpoint.id, section, capture);
    if (different.empty()) continue;
    throw Error(ErrorCode::internal, different.front(),
                std::to_string(different.size()) + " of section " + to_string(section) +
                    " differ from the checkpoint, the first of them " + different.front());
  }
}

}  // namespace lastgood
