// Saves and restores a module with the installed adapter.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <torch/nn/modules/linear.h>

#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/torch.h>

namespace {

int round_trip(const std::filesystem::path& directory) {
  torch::nn::Linear layer(3, 2);
  const torch::Tensor weights = layer->weight.detach().clone();
  lastgood::TrainingState state;
  state.add_module("model", layer);

  lastgood::Store store = lastgood::Store::create(directory);
  lastgood::Session session = store.start_session("installed");
  const lastgood::Capture capture = state.capture();
  const lastgood::CheckpointId saved = session.save(capture.views(), {.step = 1}).value();

  const torch::NoGradGuard no_grad;
  layer->weight.zero_();
  state.restore(store, saved);
  return torch::equal(layer->weight, weights) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return EXIT_FAILURE;
  std::filesystem::remove_all(argv[1]);
  try {
    return round_trip(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
