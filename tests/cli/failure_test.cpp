// Bad input and bad stores: a clear error with the way out, the right exit code, and nothing changed.
#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <fstream>

#include <lastgood/history.h>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

namespace fs = std::filesystem;

/// A connection of somebody else's to the catalog.
class Catalog {
 public:
  explicit Catalog(const SampleStore& sample) {
    REQUIRE(sqlite3_open((sample.path() / "catalog.db").c_str(), &db_) == SQLITE_OK);
  }
  ~Catalog() { sqlite3_close(db_); }
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  void execute(const char* sql) { REQUIRE(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK); }

 private:
  sqlite3* db_ = nullptr;
};

/// As a message tells people to run it.
std::string rebuild_of(const SampleStore& sample) {
  return "`lastgood --store " + sample.path().string() + " rebuild`";
}

/// Overwrites the root page of a table, as a bad disk would.
void damage_pages(const SampleStore& sample, const std::string& table) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open((sample.path() / "catalog.db").c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", nullptr, nullptr, nullptr) == SQLITE_OK);
  int root = 0;
  const auto read = [](void* result, int, char** values, char**) {
    *static_cast<int*>(result) = std::stoi(values[0]);
    return 0;
  };
  const std::string query = "SELECT rootpage FROM sqlite_schema WHERE name = '" + table + "'";
  REQUIRE(sqlite3_exec(db, query.c_str(), read, &root, nullptr) == SQLITE_OK);
  sqlite3_close(db);
  REQUIRE(root > 1);
  std::fstream file(sample.path() / "catalog.db", std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(root - 1) * 4096);
  file << std::string(4096, 'x');
}

/// Runs the command for people and for programs, and checks that both tell the same.
Finished failed(const fs::path& store, Words words, int exit, const std::string& code) {
  const Finished text = lastgood(store, words);
  words.push_back("--json");
  const Finished json = lastgood(store, words);
  CHECK(text.exit == exit);
  CHECK(text.out == "");
  CHECK(text.err.starts_with("lastgood: "));
  CHECK(json.exit == exit);
  CHECK(json.err == text.err);
  const auto document = json.json();
  CHECK(document["schema"] == 1);
  REQUIRE(document.contains("error"));
  CHECK(document["error"]["code"] == code);
  CHECK(document["error"]["subject"].is_string());
  CHECK("lastgood: " + document["error"]["message"].get<std::string>() + "\n" == text.err);
  return text;
}

const std::vector<Words> kOnAnyStore = {{"list"},     {"show"},        {"log"},           {"runs"},
                                        {"sessions"}, {"stats"},       {"verify"},        {"rollback", "head"},
                                        {"tag", "x"}, {"pin", "head"}, {"unpin", "head"}, {"forget", "1"},
                                        {"gc"},       {"health"},      {"events"},        {"watch"}};

}  // namespace

TEST_CASE("no store there exits 10, from every command, and makes none") {
  const TemporaryDirectory folder;
  const fs::path nowhere = folder / "nowhere";
  for (const Words& words : kOnAnyStore) {
    INFO(words[0]);
    CHECK(failed(nowhere, words, 10, "not_found").err.find(nowhere.string()) != std::string::npos);
  }
  failed(nowhere, {"rebuild"}, 10, "not_found");
  CHECK_FALSE(fs::exists(nowhere));
}

TEST_CASE("a folder that is no store exits 10 and stays as it is") {
  const TemporaryDirectory folder;
  std::ofstream(folder / "notes.txt") << "mine";
  for (const Words& words : kOnAnyStore) {
    INFO(words[0]);
    failed(folder.path(), words, 10, "not_found");
  }
  failed(folder.path(), {"rebuild"}, 10, "not_found");
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a store of a newer format exits 12 and stays as it is") {
  const BranchedStore sample;
  Catalog(sample).execute("PRAGMA user_version = 99");
  const std::string before = sample.contents();
  for (const Words& words : kOnAnyStore) {
    INFO(words[0]);
    failed(sample.path(), words, 12, "unsupported_version");
  }
  CHECK(sample.contents() == before);
}

TEST_CASE("a damaged catalog exits 20 and names rebuild") {
  const BranchedStore sample;
  {
    std::fstream file(sample.path() / "catalog.db", std::ios::binary | std::ios::in | std::ios::out);
    file << "this is no database";
  }
  for (const Words& words : kOnAnyStore) {
    INFO(words[0]);
    CHECK_THAT(failed(sample.path(), words, 20, "corruption").err, Catch::Contains(rebuild_of(sample)));
  }
}

TEST_CASE("verify of a store whose catalog has bad pages says so, a finding a line, and names rebuild") {
  const BranchedStore sample;
  damage_pages(sample, "checkpoint_blob");
  const Finished damaged = lastgood(sample.path(), {"verify"});
  CHECK(damaged.exit == 20);
  CHECK(damaged.out.starts_with("damaged: catalog: "));
  CHECK(damaged.out.find("\\n") == std::string::npos);
  CHECK(damaged.out.find("nothing that a checkpoint needs") == std::string::npos);
  CHECK(damaged.out.find("stop the trainers and run `lastgood rebuild`") != std::string::npos);
  CHECK(damaged.out.find("lastgood rollback") == std::string::npos);
  const Finished json = lastgood(sample.path(), {"verify", "--json"});
  CHECK(json.exit == 20);
  CHECK(json.json()["schema"] == 1);
  CHECK(json.json()["damages"][0]["checkpoint"].is_null());
  CHECK(lastgood(sample.path(), {"rebuild"}).exit == 0);
  CHECK(lastgood(sample.path(), {"verify"}).exit == 0);
}

TEST_CASE("a change that meets a bad page of the catalog exits 20 and names rebuild") {
  const BranchedStore sample;
  damage_pages(sample, "checkpoint");
  for (const Words& words : std::vector<Words>{
           {"tag", "x", "1"}, {"pin", "2"}, {"unpin", "1"}, {"forget", "3"}, {"rollback", "2"}, {"list"}, {"show"}}) {
    INFO(words[0]);
    CHECK_THAT(failed(sample.path(), words, 20, "corruption").err, Catch::Contains(rebuild_of(sample)));
  }
}

TEST_CASE("a catalog that another process holds exits 11 in the end") {
  const BranchedStore sample;
  Catalog other(sample);
  other.execute("BEGIN EXCLUSIVE");
  CHECK(lastgood(sample.path(), {"pin", "1"}).exit == 11);
}

TEST_CASE("a store that one may read but not write can be asked, and is not changed") {
  const BranchedStore sample;
  fs::permissions(sample.path().parent_path(), fs::perms(0755));
  const Surroundings nobody = {.user = Surroundings::User::nobody};
  const std::string before = sample.contents();
  CHECK(lastgood(sample.path(), {"list"}, nobody).exit == 0);
  CHECK(lastgood(sample.path(), {"show"}, nobody).exit == 0);
  CHECK(lastgood(sample.path(), {"watch"}, nobody).exit == 0);
  CHECK(lastgood(sample.path(), {"forget", "3", "--dry-run"}, nobody).exit == 0);
  CHECK(lastgood(sample.path(), {"gc", "--dry-run"}, nobody).exit == 0);
  CHECK(lastgood(sample.path(), {"tag", "-d", "best", "--dry-run"}, nobody).exit == 0);
  CHECK(lastgood(sample.path(), {"tag", "--move", "best", "--dry-run"}, nobody).exit == 0);
  CHECK(lastgood(sample.path(), {"unpin", "1", "--dry-run"}, nobody).exit == 0);
  for (const Words& words :
       std::vector<Words>{{"tag", "x"}, {"pin", "1"}, {"rollback", "2"}, {"forget", "3"}, {"gc"}}) {
    INFO(words[0]);
    const Finished refused = lastgood(sample.path(), words, nobody);
    CHECK(refused.exit == 1);
    CHECK(refused.err.starts_with("lastgood: "));
  }
  CHECK(sample.contents() == before);
}

TEST_CASE("a store that one may not even read exits 1 and says so") {
  const BranchedStore sample;
  fs::permissions(sample.path().parent_path(), fs::perms(0755));
  fs::permissions(sample.path(), fs::perms(0700));
  const Finished refused = lastgood(sample.path(), {"list", "--json"}, {.user = Surroundings::User::nobody});
  CHECK(refused.exit == 1);
  CHECK(refused.json()["error"]["code"] == "permission");
}

TEST_CASE("a checkpoint that is not there is answered with the nearest names") {
  const BranchedStore sample;
  CHECK(failed(sample.path(), {"show", "9"}, 1, "not_found").err ==
        "lastgood: there is no checkpoint 9; did you mean 5, 4 or 3?\n");
  CHECK(failed(sample.path(), {"rollback", "bets"}, 1, "not_found").err.find("did you mean best?") !=
        std::string::npos);
  CHECK(failed(sample.path(), {"show", "step:60"}, 1, "not_found").err.find("step:50") != std::string::npos);
  failed(sample.path(), {"show", "head~9"}, 1, "not_found");
}

TEST_CASE("a change of several checkpoints that stops half way exits 3 and says what is done") {
  const BranchedStore sample;
  // At most one pin beside the first checkpoint's, as far as this catalog goes.
  Catalog(sample).execute("CREATE UNIQUE INDEX one ON checkpoint (pinned) WHERE pinned = 1 AND id > 1");
  CHECK(failed(sample.path(), {"pin", "2", "3", "4"}, 3, "internal")
            .err.starts_with("lastgood: pinned so far: 2; then: "));
  CHECK(lastgood(sample.path(), {"pin", "3"}).exit == 1);
  CHECK_FALSE(find_checkpoint(sample.open(), CheckpointId{4})->pinned);
}

TEST_CASE("an ambiguous name is answered with the candidates") {
  const BranchedStore sample;
  CHECK(failed(sample.path(), {"show", "step:75"}, 1, "invalid_argument").err.find("4, 3") != std::string::npos);
  sample.train("other", 1);
  CHECK(failed(sample.path(), {"show", "head"}, 1, "invalid_argument").err.find("demo, other") != std::string::npos);
  CHECK(lastgood(sample.path(), {"show", "head", "--run", "other", "--json"}).json()["checkpoint"]["id"] == 6);
}

TEST_CASE("a run that is not there is answered with those that are") {
  const BranchedStore sample;
  for (const Words& words : kOnAnyStore) {
    if (words[0] == "stats" || words[0] == "gc") continue;
    INFO(words[0]);
    Words with_run = words;
    if (words[0] == "verify") with_run.push_back("head");
    with_run.insert(with_run.end(), {"--run", "dmo"});
    CHECK(failed(sample.path(), with_run, 1, "not_found").err ==
          "lastgood: there is no run \"dmo\" in this store; its runs are: demo (see `lastgood runs`)\n");
  }
}

TEST_CASE("control characters in names never reach the terminal") {
  const BranchedStore sample;
  for (const std::string name : {"a\x1b[2J", "a\nb", "\xff", "e\xe2\x80\xae"}) {
    for (const Words& words : std::vector<Words>{{"show", name}, {"list", "--run", name}, {"tag", "-d", name}}) {
      const Finished finished = lastgood(sample.path(), words);
      CHECK(finished.exit == 1);
      CHECK(finished.err.find_first_of("\x1b\xff\xae") == std::string::npos);
      CHECK(lastgood(sample.path(), {words[0], words[1], "--json"}).exit != 0);
    }
  }
}

}  // namespace lastgood::test
