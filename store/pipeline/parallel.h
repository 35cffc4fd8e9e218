// A loop over independent tasks on several threads, which are made for it and gone when it returns: no thread of the
// library's is left idle.
//
// The price of that is the start of a few threads per loop, so loops are over chunks, not over bytes.
#pragma once

#include <cstddef>
#include <functional>

namespace lastgood::pipeline {

/// The number of threads for an option of 0 ("one a core, at most 8") or more. Never 0.
unsigned thread_count(unsigned wanted);

/// Runs body(0) ... body(count - 1), each once, on up to `threads` threads of which the caller is one; tasks are taken
/// in ascending order. Returns when all are done. After the first exception no new task is taken, and it is rethrown.
/// `body` must be safe from several threads at once; tasks that run when another one throws are finished.
void parallel_for(unsigned threads, std::size_t count, const std::function<void(std::size_t)>& body);

}  // namespace lastgood::pipeline
