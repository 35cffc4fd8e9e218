// Every statement that a question or a change runs is asked for its plan: none may walk a table that grows with the
// store, but for those that say so.
#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <set>

#include "store/catalog/telemetry.h"
#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;

sqlite3* newest_connection = nullptr;

int note_connection(sqlite3* handle, char**, const void*) {
  newest_connection = handle;
  return SQLITE_OK;
}

// A catalog whose own connection this test can see.
class Watched {
 public:
  Watched() {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(note_connection));
    sample = std::make_unique<SampleCatalog>();
    handle_ = newest_connection;
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(note_connection));
    sample->add({.stability = Stability::stable, .chunks = {1, 2}, .metrics = {{"loss", 1}}});
    sample->add({.chunks = {2, 3}});
  }

  /// Lines "SCAN ..." in the plans of what `body` runs and nothing ran before.
  template <class Body>
  std::set<std::string> scans(Body body) {
    const std::set<std::string> before = statements();
    sample->write(body);
    std::set<std::string> found;
    for (const std::string& sql : statements()) {
      if (before.count(sql) == 0) add_scans(sql, found);
    }
    return found;
  }

  std::unique_ptr<SampleCatalog> sample;

 private:
  std::set<std::string> statements() const {
    std::set<std::string> found;
    sqlite3_stmt* statement = nullptr;
    while ((statement = sqlite3_next_stmt(handle_, statement)) != nullptr) found.insert(sqlite3_sql(statement));
    return found;
  }

  void add_scans(const std::string& sql, std::set<std::string>& found) const {
    sqlite3_stmt* plan = nullptr;
    REQUIRE(sqlite3_prepare_v2(handle_, ("EXPLAIN QUERY PLAN " + sql).c_str(), -1, &plan, nullptr) == SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW) {
      const std::string line = reinterpret_cast<const char*>(sqlite3_column_text(plan, 3));
      // Runs, tags, saves and what a query made itself are few; partial indexes hold only what is looked for.
      static const std::set<std::string> kSmall = {"r",      "run",  "tag",     "save", "save_pin", "json_each",
                                                   "chosen", "used", "lineage", "l",    "CONSTANT"};
      const std::string name = line.substr(std::min<std::size_t>(5, line.size()), line.find(' ', 5) - 5);
      const bool partial = line.find("blob_unreferenced") != std::string::npos ||
                           line.find("blob_damaged") != std::string::npos ||
                           line.find("checkpoint_pinned") != std::string::npos;
      const bool intermediate = line.find("SCAN (subquery-") == 0;
      if (line.rfind("SCAN", 0) == 0 && !intermediate && kSmall.count(name) == 0 && !partial)
        found.insert(line + " in " + sql);
    }
    sqlite3_finalize(plan);
  }

  sqlite3* handle_ = nullptr;
};

using Scans = std::set<std::string>;

TEST_CASE("plans that walk a table are noticed") {
  Watched watched;
  const Scans found = watched.scans([](Connection& c) { checkpoints_with_blob(c, BlobId{1}); });
  CHECK_FALSE(found.empty());
}

TEST_CASE("questions about checkpoints use an index") {
  Watched watched;
  const Scans found = watched.scans([](Connection& c) {
    ListQuery of_run;
    of_run.run = "demo";
    list_checkpoints(c, of_run);
    of_run.stability = Stability::stable;
    list_checkpoints(c, of_run);
    find_checkpoint(c, CheckpointId{1});
    checkpoint_uuid(c, CheckpointId{1});
    checkpoint_blobs(c, CheckpointId{1});
    checkpoint_entries(c, CheckpointId{1});
    const CheckpointId ids[] = {CheckpointId{1}};
    bytes_only_in(c, ids);
    blobs_only_in(c, ids);
    bytes_unique(c, ids);
    last_stable(c, "demo");
    find_tag(c, "best");
    head(c, RunId{1});
    find_run(c, "demo");
    catalog::list_runs(c);
    list_sessions(c, "demo");
    next_sequence(c);
  });
  CHECK(found == Scans{});
}

TEST_CASE("a list of all checkpoints walks them in order, without sorting") {
  Watched watched;
  const Scans found = watched.scans([](Connection& c) { list_checkpoints(c, {}); });
  REQUIRE(found.size() == 1);
  CHECK(found.begin()->rfind("SCAN c in ", 0) == 0);
}

TEST_CASE("telemetry uses an index; the newest events and costs are a walk from the end") {
  Watched watched;
  const SessionId session = watched.sample->session("demo");
  const Scans found = watched.scans([&](Connection& c) {
    const BranchId branch = begin_branch(c, session, CheckpointId{1});
    TelemetryBatch batch;
    batch.observations = {{.step = 1, .loss = 1}};
    batch.events = {{.step = 1, .kind = "note"}};
    batch.costs = {{.step = 1}};
    insert_telemetry(c, branch, batch);
    catalog::list_observations(c, {"demo", 0, {}});
    catalog::list_observations(c, {"demo", 0, CheckpointId{2}});
  });
  CHECK(found == Scans{});
  const Scans newest = watched.scans([](Connection& c) {
    catalog::list_events(c, {.limit = 1});
    catalog::list_save_costs(c, "demo", 1);
  });
  for (const std::string& line : newest) CHECK_THAT(line, !Catch::Contains("TEMP B-TREE"));
  CHECK(newest.size() == 2);
}

TEST_CASE("saving uses an index") {
  Watched watched;
  const SessionId session = watched.sample->session("demo");
  const Scans found = watched.scans([&](Connection& c) {
    const BegunSave save = begin_save(c, format::Uuid::random(), session);
    add_pack(c, format::Uuid::random(), save.save);
    const BlobId ids[] = {BlobId{1}};
    pin_live(c, save.save, ids);
    not_live(c, ids);
    damaged_blobs(c);
    for_each_live_blob(c, BlobId{0}, 10, [](const Blob&) {});
    set_damaged(c, BlobId{1}, true);
    heal_blob(c, BlobId{1}, save.pack, blob_of(1, 64));
    save_exists(c, save.save);
    end_save(c, save.save);
    end_session(c, session, SessionState::completed);
    begin_session(c, {RunId{1}, format::Uuid::random(), 1, "host"});
  });
  CHECK(found == Scans{});
}

TEST_CASE("forgetting and collecting use an index") {
  Watched watched;
  const Scans found = watched.scans([](Connection& c) {
    const CheckpointId ids[] = {CheckpointId{1}};
    delete_checkpoints(c, ids);
    mark_unreferenced(c);
    blobs_in_pack(c, PackId{1});
    const Move move{BlobId{1}, {PackId{1}, {}, 64}, PackId{1}, {64, {}}};
    move_blobs(c, {&move, 1});
    const BlobId blobs[] = {BlobId{1}};
    drop_dead(c, blobs);
    set_stability(c, CheckpointId{2}, Stability::stable);
    set_pinned(c, CheckpointId{2}, true);
    set_tag(c, "best", CheckpointId{2}, false);
    protections(c);
    raise_gc_counter(c);
  });
  // Sessions are few, and only their open ones are looked for.
  REQUIRE(found.size() == 1);
  CHECK(found.begin()->rfind("SCAN session in ", 0) == 0);
  const Scans packs = watched.scans([](Connection& c) { drop_pack(c, add_compacted_pack(c, format::Uuid::random())); });
  CHECK(packs == Scans{});
}

}  // namespace
}  // namespace lastgood::test
