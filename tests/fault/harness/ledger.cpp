#include "tests/fault/harness/ledger.h"

namespace lastgood::test {

namespace {

std::size_t bytes_of_entry(const std::string& name) {
  if (name == "u") return 68 * 1024;
  if (name == "w") return 16 * 1024;
  return name == "v" ? 3 * 1024 : 300;
}

}  // namespace

Contents contents(const std::map<std::string, std::uint64_t>& seeds) {
  Contents made;
  for (const auto& [name, seed] : seeds) {
    // Entries of equal seeds and other names differ, too.
    made[name] = random_bytes(bytes_of_entry(name), seed * 256 + static_cast<unsigned char>(name[0]));
  }
  return made;
}

std::vector<TensorView> views(const Contents& contents) {
  std::vector<TensorView> all;
  for (const auto& [name, bytes] : contents) {
    TensorView view;
    view.spec = {Section::model, name, DType::bytes, {static_cast<std::int64_t>(bytes.size())}, ""};
    view.data = bytes.data();
    all.push_back(std::move(view));
  }
  return all;
}

}  // namespace lastgood::test
