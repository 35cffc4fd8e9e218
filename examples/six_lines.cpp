// A training loop with everything: six lines, each marked. Kill it at any moment, and start it again.
#include <cstdlib>
#include <iostream>

#include <lastgood/torch/training_run.h>
#include <torch/torch.h>

int train() {
  torch::manual_seed(1);
  torch::nn::Sequential model(torch::nn::Linear(8, 64), torch::nn::ReLU(), torch::nn::Dropout(0.1),
                              torch::nn::Linear(64, 1));
  torch::optim::AdamW optimizer(model->parameters(), 1e-3);

  lastgood::TrainingRun run("lastgood-store", model, optimizer);  // 1: opens the store, resumes
  while (run.goes_on(1000)) {
    try {  // 2
      torch::Tensor x = torch::randn({32, 8});
      torch::Tensor loss = torch::mse_loss(model->forward(x), x.sum(1, true));
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      run.after_step(loss);                  // 3: guards the step, recovers, saves when due, watches the time
    } catch (const std::exception& error) {  // 4
      run.recover_from(error);               // 5: from a lack of memory; throws everything else on
    }
  }
  return run.finish();  // 6: saves the last state; 0: completed, 75: run it again, 70: halted
}

int main() {
  try {
    return train();
  } catch (const lastgood::Error& error) {  // another trainer in the run, a damaged store, a full disk
    std::cerr << "six_lines: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
