// Which edges of the instrumented code a run has taken: what a fuzzer grows its corpus by.
#pragma once

#include <cstddef>

namespace paribus::fuzz {

// Forgets the edges of the run before.
void begin_run();

// Adds the edges of this run, each by how often it was taken in powers of two, to those of all
// runs; returns how many are new.
std::size_t count_new_edges();

// The number of edges and frequencies seen by all runs.
std::size_t n_edges();

}  // namespace paribus::fuzz
