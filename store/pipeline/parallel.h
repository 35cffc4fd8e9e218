// A loop over independent tasks on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace lastgood::pipeline {

/// The number of threads for an option of 0 ("one a core, at most 8") or more.
unsigned thread_count(unsigned wanted);

/// Runs body(0) ... body(count - 1), each once, on up to `threads` threads of which the caller is one; tasks are taken
/// in ascending order. Returns when all are done. After the first exception no new task is taken, and it is rethrown.
void parallel_for(unsigned threads, std::size_t count, const std::function<void(std::size_t)>& body);

}  // namespace lastgood::pipeline
