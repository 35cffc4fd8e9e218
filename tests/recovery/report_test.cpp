#include <chrono>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "recovery/detail.h"
#include "tests/recovery/sample_trainer.h"

namespace lastgood::test {
namespace {

using Catch::Contains;
using nlohmann::ordered_json;

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

TEST_CASE("The report has the reference's eleven keys, and counts what was done") {
  SampleTrainer trainer;
  trainer.save(10);
  RecoveryOptions options;
  options.max_retries = 9;
  AutoRecovery recovery = trainer.recovery(options);
  recovery.recover("loss_divergence", 15, 1);
  recovery.recover("loss_divergence", 16, 1);
  recovery.recover("oom", 17, 2);
  const RecoveryReport report = recovery.get_recovery_report();
  CHECK(report.total_recoveries == 3);
  CHECK(report.rollback_count == 2);
  CHECK(report.lr_reduction_count == 1);
  CHECK(report.epsilon_increase_count == 1);
  CHECK(report.batch_size_reduction_count == 1);
  CHECK(report.precision_upgrade_count == 0);
  CHECK(report.consecutive_failures == 3);
  CHECK(report.last_recovery_step == 17);
  CHECK(report.last_recovery_action == "reduce_batch_size");
  CHECK(report.checkpoint_count == 2);
  std::string keys;
  const auto document = ordered_json::parse(report.to_json());
  for (const auto& item : document.items()) keys += item.key() + " ";
  CHECK(keys ==
        "total_recoveries rollback_count lr_reduction_count epsilon_increase_count batch_size_reduction_count "
        "precision_upgrade_count consecutive_failures last_recovery_step last_recovery_action recovery_history "
        "checkpoint_count ");
  const auto& entry = document["recovery_history"][0];
  keys.clear();
  for (const auto& item : entry.items()) keys += item.key() + " ";
  CHECK(keys == "step epoch failure_type action success outcome timestamp ");
  CHECK(entry["step"] == 15);
  CHECK(entry["epoch"] == 1);
  CHECK(entry["failure_type"] == "loss_divergence");
  CHECK(entry["action"] == "reduce_lr_10x");
  CHECK(entry["success"] == false);
  CHECK(entry["outcome"] == "relapsed");
}

TEST_CASE("The report tells when each recovery was, by step and time, at once and after a restart alike") {
  SampleTrainer trainer;
  trainer.save(10);
  AutoRecovery recovery = trainer.recovery();
  const std::int64_t before = now_ms();
  recovery.recover("nan_detected", 15, 1);
  recovery.recover("nan_detected", 12, 1);
  const RecoveryReport report = recovery.get_recovery_report();
  REQUIRE(report.recovery_history.size() == 2);
  const Recovery& first = report.recovery_history[0];
  CHECK(first.step == 15);
  CHECK(report.recovery_history[1].step == 12);
  CHECK(first.recorded_at_ms >= before);
  CHECK(first.recorded_at_ms <= now_ms());
  CHECK(ordered_json::parse(report.to_json())["recovery_history"][0]["timestamp"] == first.recorded_at_ms);
  CHECK(trainer.recovery().get_recovery_report().to_json() == report.to_json());
}

TEST_CASE("Before the first recovery the report is empty, and says so in JSON") {
  SampleTrainer trainer;
  const auto document = ordered_json::parse(trainer.recovery().get_recovery_report().to_json());
  CHECK(document["last_recovery_step"].is_null());
  CHECK(document["last_recovery_action"].is_null());
  CHECK(document["recovery_history"].empty());
}

TEST_CASE("The diagnosis tells in words and in JSON what was seen, tried, and is left to do") {
  HaltReport report;
  report.run = "demo";
  report.step = 15;
  report.failure = "nan_detected";
  report.errors = {"layer.weight has 3 NaN"};
  report.tensors = {"loss", "gradient_norm", "layer.weight", "layer.bias"};
  report.tried = {
      {.step = 12, .failure = "nan_detected", .action = "rollback_checkpoint", .recorded_at_ms = 1'777'899'731'000}};
  CHECK_THAT(report.to_text(), Contains("No stable checkpoint is left"));
  report.last_good = CheckpointId{7};
  report.last_good_step = 10;
  report.command = "lastgood --store s rollback 7";
  CHECK_THAT(report.to_text(),
             Contains("halted at step 15") && Contains("layer.weight has 3 NaN") &&
                 Contains("first tensor that was not finite: layer.weight\n") &&
                 Contains("tried at step 12, 2026-05-04 13:02:11 UTC, against nan_detected: rollback_checkpoint") &&
                 Contains("lastgood --store s rollback 7"));
  const auto document = ordered_json::parse(report.to_json());
  CHECK(document["last_good"] == 7);
  CHECK(document["tried"][0]["action"] == "rollback_checkpoint");
}

TEST_CASE("A row's detail comes back as it was written, and one from elsewhere is read as far as it goes") {
  recovery::Detail detail;
  detail.rung = 2;
  detail.newest_checkpoint = CheckpointId{5};
  detail.done = {"rollback_checkpoint"};
  detail.passed_over = {{"checkpoint 4", "it is damaged"}};
  detail.changes = {{"rate", 1e-3, 1e-4, true}};
  detail.errors = {"bad \xff byte"};
  Recovery row;
  row.detail = recovery::write_detail(detail);
  const recovery::Detail back = recovery::read_detail(row);
  CHECK(back.rung == 2);
  CHECK(back.newest_checkpoint == CheckpointId{5});
  CHECK(back.done == detail.done);
  CHECK(back.passed_over == detail.passed_over);
  CHECK(back.changes == detail.changes);
  for (const char* text : {"{}", "[]", "{\"rung\":\"x\"}", "{\"changes\":[{\"from\":\"a\"}]}"}) {
    row.detail = text;
    CHECK(recovery::read_detail(row).changes.empty());
  }
}

TEST_CASE("The detail of a failure in thousands of tensors still fits into a row") {
  recovery::Detail detail;
  const char character = GENERATE('x', '"', '\1', '\xff');
  for (int i = 0; i < 10'000; ++i) {
    detail.tensors.push_back(std::string(1000, character));
    detail.errors.push_back(detail.tensors.back());
    detail.passed_over.emplace_back(detail.tensors.back(), detail.tensors.back());
  }
  Recovery row;
  row.detail = recovery::write_detail(detail);
  CHECK(row.detail.size() <= 64 * 1024);
  CHECK_FALSE(recovery::read_detail(row).tensors.empty());
}

}  // namespace
}  // namespace lastgood::test
