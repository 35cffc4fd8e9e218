// Records are checked when they are taken, so that a batch can only fail for reasons of the disk or of other processes,
// and may then be tried again as it is. They leave the buffer while they are being written, so that nobody who records
// has to wait for a commit; they come back in front of what was recorded meanwhile.
#include "store/telemetry_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "store/catalog/now.h"
#include "store/format/text.h"

namespace lastgood {
namespace {

constexpr std::size_t kMaxKind = 64;
constexpr std::size_t kMaxMessage = 4096;
constexpr std::size_t kMaxDetail = 64 * 1024;

[[noreturn]] void refuse(const std::string& subject, const std::string& why) {
  throw Error(ErrorCode::invalid_argument, subject, why);
}

void check_step(Step step) {
  if (step < 0) refuse(std::to_string(step), "the step " + std::to_string(step) + " is negative");
}

void check_kind(const std::string& kind) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (kind.empty() || kind.size() > kMaxKind || !std::all_of(kind.begin(), kind.end(), allowed)) {
    refuse(kind, format::in_quotes(kind) +
                     " cannot be recorded: a kind, a failure or an action is named by 1 to 64 "
                     "characters of [a-z0-9_]");
  }
}

void check_detail(const std::string& subject, const std::string& detail) {
  if (detail.size() > kMaxDetail || !format::is_json_object(detail)) {
    refuse(subject, "the detail of " + subject + " is not a JSON object of at most 64 KiB");
  }
}

/// A message may quote what it was told by others: cut to what is well formed.
std::string as_message(const std::string& text) {
  if (text.size() <= kMaxMessage && format::is_clean_text(text)) return text;
  return format::in_quotes(text);
}

void check(const Recovery& recovery) {
  check_step(recovery.step);
  check_kind(recovery.failure);
  check_kind(recovery.action);
  check_detail(recovery.failure, recovery.detail);
}

template <class Row>
void prepend(std::vector<Row>& rows, std::vector<Row>& earlier) {
  rows.insert(rows.begin(), std::make_move_iterator(earlier.begin()), std::make_move_iterator(earlier.end()));
  if (rows.size() > TelemetryLog::kMostKept) {
    rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(TelemetryLog::kMostKept));
  }
}

}  // namespace

SaveCost cost_of(const SaveOutcome& outcome, Step step, CheckpointKind kind) {
  using std::chrono::duration_cast, std::chrono::microseconds;
  SaveCost cost;
  cost.step = step;
  cost.kind = kind;
  cost.checkpoint = outcome.checkpoint;
  cost.bytes_logical = outcome.bytes_logical;
  cost.bytes_new = outcome.bytes_new;
  cost.blocked = duration_cast<microseconds>(outcome.blocked);
  cost.durable = duration_cast<microseconds>(outcome.durable);
  if (outcome.error) cost.error = outcome.error->what();
  return cost;
}

void TelemetryLog::go_on_with(catalog::BranchId branch) {
  const std::lock_guard lock(mutex_);
  // A batch that is on its way keeps the branch that it began with.
  branch_ = branch;
}

template <class Row>
bool TelemetryLog::append(std::vector<Row>& rows, Row row) {
  row.recorded_at_ms = catalog::now_ms();
  const std::lock_guard lock(mutex_);
  // Full only where the catalog could not be written for long, which was told as a warning each time.
  if (rows.size() < kMostKept) rows.push_back(std::move(row));
  return rows.size() % kBatch == 0;
}

bool TelemetryLog::add(Observation observation) {
  check_step(observation.step);
  return append(batch_.observations, observation);
}

bool TelemetryLog::add(Event event) {
  check_step(event.step);
  check_kind(event.kind);
  check_detail(event.kind, event.detail);
  event.message = as_message(event.message);
  return append(batch_.events, std::move(event));
}

bool TelemetryLog::add(SaveCost cost) {
  cost.error = as_message(cost.error);
  return append(batch_.costs, std::move(cost));
}

TelemetryLog::Batch::Batch(TelemetryLog& log) : log_(log) {
  const std::lock_guard lock(log.mutex_);
  branch_ = log.branch_;
  // Records that come while this batch is on its way begin the next one.
  rows_ = std::exchange(log.batch_, {});
}

TelemetryLog::Batch::~Batch() {
  if (!rows_.empty()) log_.put_back(rows_);
}

// Called while an exception is on its way, so it must not throw: where there is no memory even for this, the process
// ends.
void TelemetryLog::put_back(catalog::TelemetryBatch& rows) noexcept {
  const std::lock_guard lock(mutex_);
  prepend(batch_.observations, rows.observations);
  prepend(batch_.events, rows.events);
  prepend(batch_.costs, rows.costs);
}

void TelemetryLog::write() {
  Batch batch(*this);
  if (batch.empty()) return;
  // Relaxed: a power loss may take the newest numbers, and no checkpoint rests on them.
  catalog_.write(catalog::Durability::relaxed, [&](catalog::Connection& db) { batch.insert(db); });
  batch.written();
}

RecoveryId TelemetryLog::write_with(const Recovery& recovery) {
  check(recovery);
  Batch batch(*this);
  RecoveryId id = recovery.id;
  catalog_.write(catalog::Durability::durable, [&](catalog::Connection& db) {
    batch.insert(db);
    if (recovery.id == RecoveryId{}) {
      id = catalog::insert_recovery(db, batch.branch(), recovery);
    } else {
      catalog::update_recovery(db, recovery);
    }
  });
  batch.written();
  return id;
}

}  // namespace lastgood
