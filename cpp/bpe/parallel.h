// Tasks on threads: the caller's poll can cancel them, and exceptions reach the caller.
#pragma once

#include <cstddef>
#include <functional>

#include "bpe/checkpoint.h"

namespace paribus::bpe {

// No machine has a use for more threads; asking for more means asking for this many.
inline constexpr std::size_t most_threads = 1024;

// The number of a worker, below the number of threads; a worker runs one task at a time.
using Worker = std::size_t;
using Task = std::function<void(Worker worker, std::size_t task, Checkpoint& checkpoint)>;

// Runs tasks 0 to n_tasks - 1, on this thread alone or on up to `n_threads` threads of its own. The
// first exception, from a task or from `poll`, stops the other tasks at their next checkpoint, and
// is thrown here once all of them have ended.
void run_tasks(std::size_t n_tasks, std::size_t n_threads, const Poll& poll, const Task& task);

}  // namespace paribus::bpe
