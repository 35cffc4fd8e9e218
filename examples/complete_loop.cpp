// The complete training loop, part by part: what TrainingRun does in six lines, done by hand. A monitor judges each
// step, a recovery undoes failures, a time limit saves before the session ends, and the next session goes on from
// there.
#include <cstdlib>
#include <iostream>
#include <memory>

#include <lastgood/torch/recovery.h>
#include <lastgood/torch/stability_monitor.h>
#include <lastgood/torch/timeout.h>
#include <torch/torch.h>

int train() {
  const std::int64_t num_epochs = 10;
  torch::manual_seed(1);
  torch::nn::Sequential model(torch::nn::Linear(8, 64), torch::nn::ReLU(), torch::nn::Linear(64, 1));
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  torch::optim::StepLR scheduler(optimizer, 200, 0.5);
  const torch::Tensor inputs = torch::randn({2048, 8});
  auto position = std::make_shared<lastgood::DataPosition>(2048, lastgood::DataOptions{.seed = 1});
  auto dataloader = torch::data::make_data_loader(
      torch::data::datasets::TensorDataset(inputs).map(torch::data::transforms::Stack<torch::data::TensorExample>()),
      lastgood::ResumableSampler(position), 32);

  // Where the training is kept, and what it is made of
  lastgood::Store store = lastgood::Store::open_or_create("lastgood-store");
  lastgood::Session session = store.start_session("complete-loop");
  lastgood::TrainingState state;
  state.add_module("model", model);
  state.add_optimizer("optimizer", optimizer);
  state.add_scheduler("scheduler", scheduler);
  state.add_data_position("data", *position);

  // Initialize all components
  lastgood::StabilityMonitor monitor({.check_interval = 10});
  const lastgood::RecoveryTarget target = lastgood::recovery_target(store, session, state);
  lastgood::AutoRecovery recovery(store, session, target, {.max_retries = 3});
  lastgood::TimeoutTarget timed = lastgood::timeout_target(store, session, state);
  timed.restore = target.restore;
  lastgood::TimeoutHandler timeout_handler(store, session, timed);
  monitor.bind(session);
  recovery.watch(&monitor);
  const auto is_healthy = [&](lastgood::Step step) {
    return monitor.scan_before_save(model, optimizer, step).overall_health == lastgood::Health::healthy;
  };

  // Check for incomplete training; a new one begins with a place to go back to
  recovery.prepare_restore();
  const auto resume_info = timeout_handler.auto_resume();
  lastgood::Step step = resume_info ? resume_info->step : 0;
  if (resume_info) {
    recovery.note_restored(resume_info->checkpoint);
    std::cout << "Resumed from step " << step << ", epoch " << resume_info->epoch << '\n';
  } else {
    recovery.save_checkpoint(0, 0, {}, is_healthy(0));
  }

  // Training loop
  double last_loss = 0;
  while (position->epoch() < num_epochs) {
    for (const auto& batch : *dataloader) {  // from where the position stands: no step is done twice
      // Forward and backward
      optimizer.zero_grad();
      const torch::Tensor output = model->forward(batch.data);
      const torch::Tensor loss = torch::mse_loss(output, batch.data.sum(1, true));
      loss.backward();
      optimizer.step();
      scheduler.step();
      position->consumed();
      ++step;
      const std::int64_t epoch = position->epoch();
      last_loss = loss.item<double>();

      // 1. Check stability
      const auto metrics = monitor.check_step(model, loss, optimizer, step);

      // 2. Detect and recover from failures
      if (const auto failure_type = recovery.detect_failure(metrics)) {
        const auto result = recovery.recover(*failure_type, step, epoch);
        if (!result.success) {
          std::cout << "Training halted due to unrecoverable failure\n";
          return lastgood::kHaltedExitStatus;
        }
        step = result.step;
        if (result.restored) timeout_handler.note_checkpoint(*result.restored, step);
        break;  // goes on from there, with a new loop over the loader
      }

      // 3. Check for the end of the session: Colab's, a scheduler's, a signal
      const auto timeout_info = timeout_handler.check_timeout(step);
      if (timeout_info.should_save) {
        const auto saved = timeout_handler.save_emergency_checkpoint(step, epoch, {{"loss", last_loss}});
        if (saved.ok()) std::cout << "Emergency checkpoint saved. Training can be resumed.\n";
      }
      if (timeout_handler.check_timeout(step).should_stop) return 75;  // EX_TEMPFAIL: run it again

      // 4. Save regular checkpoints
      if (step % 100 == 0) {
        const auto saved = recovery.save_checkpoint(step, epoch, {{"loss", last_loss}}, is_healthy(step));
        if (saved.ok()) timeout_handler.note_checkpoint(*saved.checkpoint, step);
      }
    }
  }
  if (!resume_info || !resume_info->completed) {
    recovery.save_checkpoint(step, position->epoch(), {{"loss", last_loss}}, is_healthy(step)).value();
  }
  timeout_handler.clear_session_state();

  // Final statistics
  const auto dashboard = monitor.get_health_dashboard();
  const auto recovery_report = recovery.get_recovery_report();
  const auto timeout_status = timeout_handler.get_status();
  std::cout << "At step " << step << ", epoch " << position->epoch() << '\n'
            << "Health Score: " << dashboard.health_score << "/100\n"
            << "Total Recoveries: " << recovery_report.total_recoveries << '\n'
            << "Session Duration: " << timeout_status.elapsed_hours << " hours\n";
  return 0;
}

int main() {
  try {
    return train();
  } catch (const lastgood::Error& error) {  // another trainer in the run, a damaged store, a full disk
    std::cerr << "complete_loop: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
