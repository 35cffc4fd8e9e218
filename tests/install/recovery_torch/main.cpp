// A user's program: a weight goes bad, and recovery brings the model back. Exit status 0: it did.
#include <cmath>
#include <filesystem>

#include <lastgood/torch/recovery.h>
#include <torch/nn/modules/linear.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::filesystem::remove_all(argv[1]);  // an earlier try's attempts would count
  lastgood::Store store = lastgood::Store::open_or_create(argv[1]);
  lastgood::Session session = store.start_session("demo");
  torch::nn::Linear model(3, 1);
  lastgood::TrainingState state;
  state.add_module("model", model);
  lastgood::AutoRecovery recovery(store, session, lastgood::recovery_target(store, session, state));
  if (!recovery.save_checkpoint(1, 0, {}, true).ok()) return 1;
  {
    const torch::NoGradGuard no_grad;
    model->weight.fill_(std::nan(""));
  }
  const bool recovered = recovery.recover("nan_detected", 2, 0).step == 1;
  return recovered && !model->weight.isnan().any().item<bool>() ? 0 : 1;
}
