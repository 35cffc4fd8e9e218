// What must hold after any fault: each invariant a predicate of its own, which throws Violation.
#pragma once

#include <lastgood/store.h>

#include "tests/fault/harness/actor.h"
#include "tests/fault/harness/ledger.h"

namespace lastgood::test {

/// What a user may have to do before the store opens.
enum class Repair {
  none,     // it opens
  create,   // open_or_create makes it, or takes it up
  rebuild,  // a store that says it has lost its catalog gets a new one
};

Store opens(Process& process, Repair repair);

/// That they load with exactly their contents, listed_are_whole() sees.
void acknowledged_are_listed(const Store& store, const Ledger& ledger);
/// Whatever is listed loads, and is a state that was once given: nothing torn is to be seen.
void listed_are_whole(const Store& store, const Ledger& ledger);
void heads_are_where_they_may_be(const Store& store, const Ledger& ledger);
/// By the library's own verify, of all stored bytes.
void nothing_is_damaged(const Store& store);
void next_session_saves(Actor& actor);
/// After a collection: blobs/ holds exactly the catalog's packs, no lock of a save is left.
void nothing_is_orphaned(const Store& store);
/// After a collection, where the disk has holes: no whole block is kept that no live blob needs.
void nothing_leaks(const Store& store);
void next_collection_frees_nothing(Actor& actor);

/// All of them, in this order, by a new process on `disk`, which it changes.
void check_all(SimulatedDisk& disk, Ledger ledger, Repair repair);

}  // namespace lastgood::test
