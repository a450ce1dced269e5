// The scans over blocks, each compiled for one instruction set in a file of its own.
#pragma once

#include <cstddef>

#include "bpe/scan/pattern.h"
#include "bpe/scan/pretokenizer.h"

namespace paribus::bpe {

// Writes ends of pretokens, from the one that begins at `begin` on, until `ends` has no room for
// another block or the text ends; returns how many.
using BlockScan = std::size_t (*)(const char* text, std::size_t size, std::size_t begin,
                                  std::size_t* ends, std::size_t n_ends, PretokenEnd pretoken_end);

// Null for a pattern without blocks, and where the compiler was not told to use the instructions.
BlockScan portable_scan(Pattern pattern);
BlockScan avx2_scan(Pattern pattern);
BlockScan avx512_scan(Pattern pattern);

}  // namespace paribus::bpe
