// Waiting. SQLite's own busy handler is not set, as it cannot try a whole transaction again. Here a whole transaction
// is tried again until the deadline of its first try; only a COMMIT that readers hold up is tried again by itself.
#include "store/catalog/catalog.h"

#include <sqlite3.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "store/catalog/connection.h"
#include "store/catalog/integrity.h"
#include "store/catalog/journal.h"
#include "store/catalog/lock_holder.h"
#include "store/catalog/schema.h"

namespace lastgood::catalog {
namespace {

using Clock = std::chrono::steady_clock;

// Tries `action` again, with growing pauses, while another process is in the way and the deadline has not passed.
// SQLite offers nothing to wait on: its locks are polled.
template <class Action>
auto until_free(const Connection& db, Clock::time_point deadline, const Action& action) {
  std::chrono::milliseconds pause{1};
  while (true) {
    try {
      return action();
    } catch (const BusyError& busy) {
      if (Clock::now() + pause > deadline) {
        throw Error(ErrorCode::busy, busy.subject(),
                    "catalog '" + db.file().string() + "' is in use by " + lock_holder(db.file()) +
                        "; wait for it to finish, or stop it, and try again",
                    busy.os_error());
      }
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds{50});
  }
}

// Rolls back unless it was committed.
class Transaction {
 public:
  Transaction(Connection& db, const char* begin) : db_(db) { db_.execute(begin); }
  ~Transaction() {
    if (!db_.in_transaction()) return;  // committed, or SQLite rolled back by itself
    try {
      db_.execute("ROLLBACK");
    } catch (const Error&) {
      // What made the transaction fail is already on its way to the caller; SQLite repeats the rollback from the
      // journal before it touches the database again.
    }
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() { db_.execute("COMMIT"); }

 private:
  Connection& db_;
};

}  // namespace

/// On the heap: a mutex cannot be moved, a Catalog can.
struct Catalog::State {
  State(const std::filesystem::path& file, Connection::Mode mode, const Options& chosen)
      : options(chosen), read_only(mode == Connection::Mode::read_only), db(file, mode, chosen.vfs) {}

  Clock::time_point deadline() const { return Clock::now() + options.busy_timeout; }
  void read(const std::function<void(Connection&)>& body);
  void write(Durability durability, const std::function<void(Connection&)>& body);

  Options options;
  bool read_only;
  Connection db;
  Journal journal = Journal::persistent;
  format::Uuid uuid;
  std::mutex mutex;
};

// A read can hold others up: in a rollback journal, a commit waits until the last reader is through.
void Catalog::State::read(const std::function<void(Connection&)>& body) {
  // SQLite's connection is opened without a mutex of its own, and a transaction is more than one call anyway.
  const std::lock_guard turn(mutex);
  until_free(db, deadline(), [&] {
    Transaction transaction(db, "BEGIN");
    body(db);
  });
}

// IMMEDIATE: a transaction that reads first and writes later could find, too late, that its snapshot is old.
void Catalog::State::write(Durability durability, const std::function<void(Connection&)>& body) {
  if (read_only) {
    throw Error(ErrorCode::permission, db.file().string(),
                "catalog '" + db.file().string() + "' was opened for reading only");
  }
  const std::lock_guard turn(mutex);
  const Clock::time_point end = deadline();
  until_free(db, end, [&] {
    // Before BEGIN: inside of a transaction, SQLite refuses to change it.
    set_synchronous(db, journal, durability);
    Transaction transaction(db, "BEGIN IMMEDIATE");
    body(db);
    // Readers may hold up a commit. It alone is tried again, since it keeps new readers out meanwhile.
    until_free(db, end, [&] { transaction.commit(); });
  });
}

Catalog Catalog::create(const std::filesystem::path& file, const format::Uuid& store, const Options& options) {
  {
    // Always by a rollback journal, whose first sync makes the file's name durable too.
    State made(file, Connection::Mode::create, options);
    // Both only count before the first table. Pages as large as a file system's blocks usually are; no auto-vacuum,
    // which moves pages about in every commit.
    made.db.execute("PRAGMA page_size = 4096; PRAGMA auto_vacuum = NONE;");
    made.write(Durability::durable, [&](Connection& db) { create_schema(db, store); });
  }
  return open(file, Access::read_write, options);
}

// Looks first, so that opening a current catalog writes nothing.
void Catalog::bring_up_to_date(State& state) {
  bool old = false;
  state.read([&](Connection& db) { old = !has_telemetry(db); });
  if (old) state.write(Durability::durable, [](Connection& db) { migrate_schema(db); });
}

Catalog Catalog::open(const std::filesystem::path& file, Access access, const Options& options) {
  const bool writable = access == Access::read_write;
  auto state =
      std::make_unique<State>(file, writable ? Connection::Mode::read_write : Connection::Mode::read_only, options);
  // This pragma reads the schema, and so waits for whoever commits just now.
  // Negative: in KiB, so 8 MiB.
  until_free(state->db, state->deadline(), [&] { state->db.execute("PRAGMA cache_size = -8192"); });
  // Before anything is changed in what may be a database of somebody else's.
  state->read([&](Connection& db) { state->uuid = check_schema(db); });
  if (writable) {
    state->journal = choose_journal(sqlite3_libversion_number(), options.local);
    until_free(state->db, state->deadline(), [&] { set_journal(state->db, state->journal); });
    bring_up_to_date(*state);
  }
  return Catalog(std::move(state));
}

Catalog::Catalog(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog& Catalog::operator=(Catalog&&) noexcept = default;
Catalog::~Catalog() = default;

void Catalog::read(const std::function<void(Connection&)>& body) const {
  state_->read(body);
}

void Catalog::write(Durability durability, const std::function<void(Connection&)>& body) const {
  state_->write(durability, body);
}

const format::Uuid& Catalog::store_uuid() const noexcept {
  return state_->uuid;
}

std::vector<std::string> Catalog::integrity_problems() const {
  std::vector<std::string> problems;
  read([&](Connection& db) { problems = find_integrity_problems(db); });
  return problems;
}

}  // namespace lastgood::catalog
