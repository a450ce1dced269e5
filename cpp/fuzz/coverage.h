// Records which edges of the instrumented code a run takes, so that a fuzzer can grow its corpus.
#pragma once

#include <cstddef>

namespace paribus::fuzz {

// Forgets the edges of the previous run.
void begin_run();

// Adds the edges of this run, each with its frequency as a power of two, to those of all runs;
// returns the number of new ones.
std::size_t count_new_edges();

// The number of edges and frequencies in all runs.
std::size_t n_edges();

}  // namespace paribus::fuzz
