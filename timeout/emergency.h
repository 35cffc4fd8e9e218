// What an emergency checkpoint carries besides the state: in its metadata, a JSON object.
//
//   {"session":{"elapsed_hours":1.5,"remaining_minutes":29.9},"reduced":false,"additional_state":{...}}
//
// `session` is for people; a resume reads the other two. Keys are only ever added.
#pragma once

#include <string>

#include <lastgood/checkpoint.h>

namespace lastgood::timeout {

struct EmergencyNote {
  double elapsed_hours = 0;
  double remaining_minutes = 0;  // infinite: null
  bool reduced = false;
  std::string additional_state = "{}";
};

/// Throws Error(invalid_argument) where `additional_state` is no JSON object.
std::string write_note(const EmergencyNote& note);

/// Whether the checkpoint holds the model first, and not everything.
bool is_reduced(const CheckpointInfo& checkpoint);
/// "{}" where it has none.
std::string additional_state(const CheckpointInfo& checkpoint);

}  // namespace lastgood::timeout
