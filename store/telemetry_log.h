// What a session has recorded and not yet written. Recording costs a lock and a copy; writing is one relaxed commit.
//
// Lock order: the log's mutex is innermost, and is not held during a commit. So record() never waits for the disk.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include <lastgood/save.h>
#include <lastgood/telemetry.h>

#include "store/catalog/catalog.h"
#include "store/catalog/telemetry.h"

namespace lastgood {

SaveCost cost_of(const SaveOutcome& outcome, Step step, CheckpointKind kind);

/// Safe from any thread. Refers to the session's catalog, which must outlive it.
class TelemetryLog {
 public:
  /// Records wait until there are so many.
  static constexpr std::size_t kBatch = 1024;
  /// While the catalog cannot be written, so many of each kind are kept: new ones are dropped then, or, where a batch
  /// comes back to a list that has grown meanwhile, the oldest.
  static constexpr std::size_t kMostKept = 64 * kBatch;

  TelemetryLog(const catalog::Catalog& catalog, catalog::BranchId branch) : catalog_(catalog), branch_(branch) {}

  /// The training goes on with a new branch. Write first what belongs to the old one.
  void go_on_with(catalog::BranchId branch);

  /// True when a batch is full. Throws Error(invalid_argument) for what the catalog does not take.
  bool add(Observation observation);
  bool add(Event event);
  bool add(SaveCost cost);

  /// What is buffered, on its way into a commit of whoever asks. Goes back unless it was written.
  class Batch {
   public:
    explicit Batch(TelemetryLog& log);
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    bool empty() const noexcept { return rows_.empty(); }
    catalog::BranchId branch() const noexcept { return branch_; }
    /// Inside a write transaction, which may run again.
    void insert(catalog::Connection& db) const { catalog::insert_telemetry(db, branch_, rows_); }
    /// The same for what a save's own commit takes along: what it cost so far. add() completes it later.
    void insert(catalog::Connection& db, const SaveCost& so_far) const {
      insert(db);
      catalog::insert_costs(db, branch_, {&so_far, 1});
    }
    /// The transaction was committed.
    void written() noexcept { rows_ = {}; }

   private:
    TelemetryLog& log_;
    catalog::BranchId branch_;
    catalog::TelemetryBatch rows_;
  };

  /// Commits what is there. Throws; what was not written stays, and is written next time.
  void write();

  /// One durable commit with what is buffered. Throws what the catalog throws, and Error(invalid_argument); the batch
  /// is then back in the log, the recovery is not recorded.
  RecoveryId write_with(const Recovery& recovery);

 private:
  template <class Row>
  bool append(std::vector<Row>& rows, Row row);
  void put_back(catalog::TelemetryBatch& rows) noexcept;

  const catalog::Catalog& catalog_;
  std::mutex mutex_;
  catalog::BranchId branch_;
  catalog::TelemetryBatch batch_;
};

}  // namespace lastgood
