// The program of the README: a training loop that can be killed at any moment, and started again.
#include <cstdlib>
#include <iostream>

#include <torch/torch.h>

#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/torch.h>

void train() {
  torch::manual_seed(1);
  torch::nn::Sequential model(torch::nn::Linear(8, 64), torch::nn::ReLU(), torch::nn::Dropout(0.1),
                              torch::nn::Linear(64, 1));
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);

  lastgood::Store store = lastgood::Store::open_or_create("lastgood-store");
  lastgood::Session session = store.start_session("quickstart");
  lastgood::TrainingState state;
  state.add_module("model", model);
  state.add_optimizer("optimizer", optimizer);
  auto from = session.resume([&](const auto& checkpoint) { state.restore(store, checkpoint.id); });

  for (lastgood::Step step = from ? from->step : 0; step < 1000; ++step) {
    torch::Tensor x = torch::randn({32, 8});
    torch::Tensor loss = torch::mse_loss(model->forward(x), x.sum(1, true));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    if ((step + 1) % 100 == 0) {
      lastgood::Capture capture = state.capture();
      session.save_async(capture.views(), {.step = step + 1, .metrics = {{"loss", loss.item<double>()}}});
    }
  }
  session.complete();
  std::cout << "at step " << session.head()->step << ", loss " << session.head()->metrics.at("loss") << '\n';
}

int main() {
  try {
    train();
    return EXIT_SUCCESS;
  } catch (const lastgood::Error& error) {  // another trainer in the run, a damaged store, a full disk
    std::cerr << "quickstart: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
