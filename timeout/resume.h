// Where a training runs, noted for whoever resumes it elsewhere, and whether a run has been completed.
#pragma once

#include <optional>

#include <lastgood/checkpoint.h>
#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/timeout_target.h>

namespace lastgood::timeout {

/// As an event of the session, which every checkpoint of the session takes along in its commit.
void record_place(Session& session, const Place& place, Step step);
/// Where the session ran that wrote the checkpoint; nothing where it did not tell.
std::optional<Place> place_of(const Store& store, const CheckpointInfo& checkpoint);
/// Whether a state of the one goes on in the other as it is. The number of a device does not matter, its kind does.
bool fits(const Place& saved, const Place& here);

/// Whether `head` is what a session left that completed the run.
bool is_completed(const Store& store, const CheckpointInfo& head);

}  // namespace lastgood::timeout
