// A user's program: a training in six lines, which completes. Exit status 0: its last step is in the store.
#include <lastgood/torch/training_run.h>
#include <torch/torch.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  torch::nn::Linear model(3, 1);
  torch::optim::SGD optimizer(model->parameters(), 0.01);
  lastgood::TrainingRun run(argv[1], model, optimizer);
  while (run.goes_on(5)) {
    optimizer.zero_grad();
    const torch::Tensor loss = model->forward(torch::ones({4, 3})).square().mean();
    loss.backward();
    optimizer.step();
    run.after_step(loss);
  }
  const int status = run.finish();
  const auto head = run.session().head();
  return status == 0 && head && head->step == 5 ? 0 : 1;
}
