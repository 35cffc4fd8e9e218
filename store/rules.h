// The rules that the store's safety rests on, each by a name at the place that keeps it.
//
// In the library every one is a constant, and nothing of it is left in the code. The tests build the few sources that
// ask for a rule a second time, with LASTGOOD_WEAKENED_RULES, and turn one rule off at a time: the fault sweeps must
// then find what is lost (tests/fault/README.md). Asked in .cpp files only: the two builds share all headers.
#pragma once

namespace lastgood::rules {

#ifdef LASTGOOD_WEAKENED_RULES
#define LASTGOOD_RULE(name) inline bool name = true
#else
#define LASTGOOD_RULE(name) inline constexpr bool name = true
#endif

// Save
LASTGOOD_RULE(lock_first);                  // the save's lock is held before its row exists
LASTGOOD_RULE(row_before_file);             // the pack's row is committed before its file exists
LASTGOOD_RULE(match_live_only);             // a dead blob is no match
LASTGOOD_RULE(pin);                         // what is matched is pinned
LASTGOOD_RULE(compare_foreign);             // the first match of what this process has not seen is compared
LASTGOOD_RULE(sync_pack);                   // contents are durable before the commit that refers to them
LASTGOOD_RULE(sync_folder);                 // and so is the pack's name
LASTGOOD_RULE(new_pack_after_failed_sync);  // a file whose sync failed is not trusted again
LASTGOOD_RULE(recheck);                     // the final commit looks again at its row and its matches
LASTGOOD_RULE(commit_durable);              // the final commit is durable before the save is acknowledged
LASTGOOD_RULE(keep_failed_pack);            // a failed save unlinks nothing

// Collect
LASTGOOD_RULE(respect_locks);       // a save whose lock is held is alive
LASTGOOD_RULE(ask_owner);           // a pack whose save is in flight stays, however empty
LASTGOOD_RULE(mark_first);          // the marking commit comes before anything is destroyed
LASTGOOD_RULE(mark_durable);        // and is durable
LASTGOOD_RULE(punch_whole_blocks);  // a hole touches no block that a live extent shares
LASTGOOD_RULE(sync_punched);        // holes are durable before their rows go
LASTGOOD_RULE(drop_last);           // rows go after what they name was destroyed
LASTGOOD_RULE(move_durable);        // compaction's commit is durable before the old pack goes
LASTGOOD_RULE(list_before_asking);  // the sweep lists the folder, then asks the catalog

// Load
LASTGOOD_RULE(check_hash);  // bytes are checked against their hash
LASTGOOD_RULE(ask_again);   // a bad read asks the catalog again, in a new snapshot

// No rule, but what the machine may do: a power loss takes relaxed commits, as it does in a write-ahead log. The
// rollback journal, all that the simulated disk has, otherwise makes every commit durable.
LASTGOOD_RULE(relaxed_survives);

#undef LASTGOOD_RULE

}  // namespace lastgood::rules
