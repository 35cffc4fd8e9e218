// Saves and loads with the installed core alone.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include <lastgood/load.h>
#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/version.h>

namespace {

int round_trip(const std::filesystem::path& directory) {
  std::array<float, 6> weights{1, 2, 3, 4, 5, 6};
  const lastgood::EntrySpec spec{.name = "layer.weight", .shape = {2, 3}};
  lastgood::Store store = lastgood::Store::create(directory);
  lastgood::Session session = store.start_session("installed");
  const std::vector<lastgood::TensorView> state{{.spec = spec, .data = weights.data()}};
  const lastgood::CheckpointId saved = session.save(state, {.step = 1}).value();

  std::array<float, 6> loaded{};
  const std::vector<lastgood::TensorSlot> slots{{.spec = spec, .data = loaded.data()}};
  lastgood::load(store, saved, slots);
  return loaded == weights ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return EXIT_FAILURE;
  std::filesystem::remove_all(argv[1]);
  try {
    std::printf("lastgood %s\n", lastgood::kVersion);
    return round_trip(argv[1]);
  } catch (const lastgood::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
