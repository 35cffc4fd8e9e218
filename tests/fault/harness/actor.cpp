#include "tests/fault/harness/actor.h"

#include <algorithm>
#include <utility>

#include <lastgood/annotate.h>

namespace lastgood::test {

StoreOptions impatient() {
  StoreOptions options;
  options.busy_timeout = std::chrono::milliseconds(0);
  return options;
}

SessionOptions deterministic(std::uint64_t chunk_bytes) {
  SessionOptions options;
  options.threads = 1;
  options.chunk_bytes = chunk_bytes;
  options.staging_bytes = 8 * chunk_bytes;
  return options;
}

std::optional<CheckpointInfo> listed(const Store& store, Step step) {
  for (const CheckpointInfo& info : list_checkpoints(store)) {
    if (info.step == step) return info;
  }
  return std::nullopt;
}

Actor::Actor(Process& process, Ledger& ledger, OpenMode mode)
    : process_(process), ledger_(ledger), store_(open_store(kStore, mode, impatient(), process)) {}

Actor::Actor(Process& process, Ledger& ledger, Store store)
    : process_(process), ledger_(ledger), store_(std::move(store)) {}

void Actor::start(const std::string& run, std::uint64_t chunk_bytes) {
  session_.emplace(store_.start_session(run, deterministic(chunk_bytes)));
}

SaveOutcome Actor::save(const Contents& contents, Way way) {
  const Step step = ledger_.next_step++;
  ledger_.given[step] = contents;
  std::set<Step>& heads = ledger_.heads[session_->run()];
  heads.insert(step);
  Contents memory = contents;
  const std::vector<TensorView> state = views(memory);
  const auto spoil = [&] {
    for (auto& [name, bytes] : memory) std::fill(bytes.begin(), bytes.end(), std::byte{0xee});
  };
  const SaveRequest request{.step = step};
  SaveOutcome outcome;
  if (way == Way::synchronous) {
    outcome = session_->save(state, request);
  } else {
    SaveHandle handle =
        session_->save_async(state, request, way == Way::at_capture ? Staging::at_capture : Staging::overlapped);
    if (way == Way::overlapped) handle.wait_staged();
    spoil();
    outcome = handle.wait_durable();
  }
  const bool told = !process_.killed();  // a dead process tells nothing
  if (told && outcome.ok() == outcome.error.has_value())
    throw Violation("a save's outcome is neither success nor failure");
  if (outcome.ok()) {
    ledger_.acknowledged.insert(step);
    heads = {step};
  }
  return outcome;
}

void Actor::save_surely(const Contents& contents, Way way) {
  const SaveOutcome outcome = save(contents, way);
  if (!outcome.ok()) throw Violation(std::string("a live save was refused: ") + outcome.error->what());
}

void Actor::complete() {
  session_->complete();
}

void Actor::forget(const std::set<Step>& steps) {
  std::vector<CheckpointId> ids;
  for (const Step step : steps) {
    // From the question on, either way is right.
    ids.push_back(id_of(step));
    ledger_.acknowledged.erase(step);
  }
  lastgood::forget(store_, ids);
}

void Actor::rollback(const std::string& run, Step step) {
  const CheckpointId id = id_of(step);
  ledger_.heads[run].insert(step);
  if (session_) {
    session_->rollback(id);
  } else {
    lastgood::rollback(store_, id);
  }
  ledger_.heads[run] = {step};
}

GcReport Actor::collect() {
  return collect_garbage(store_);
}

CheckpointId Actor::id_of(Step step) const {
  const auto info = listed(store_, step);
  if (!info) throw Error(ErrorCode::not_found, std::to_string(step), "no checkpoint of this step");
  return info->id;
}

}  // namespace lastgood::test
