// The loops over blocks, each compiled for one instruction set in its own file.
#pragma once

#include <cstddef>

#include "bpe/scan/pattern.h"
#include "bpe/scan/pretokenizer.h"

namespace paribus::bpe {

// Writes the ends of pretokens, starting with the one that begins at `begin`, until the text ends
// or `ends` has no room for another block; returns their number.
using BlockScan = std::size_t (*)(const char* text, std::size_t size, std::size_t begin,
                                  std::size_t* ends, std::size_t n_ends, PretokenEnd pretoken_end);

// Null for a pattern that is not scanned in blocks, and if the file was not compiled for the
// instructions.
BlockScan portable_scan(Pattern pattern);
BlockScan avx2_scan(Pattern pattern);
BlockScan avx512_scan(Pattern pattern);

}  // namespace paribus::bpe
