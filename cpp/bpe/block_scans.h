// The scans over blocks, each compiled for one instruction set in a file of its own.
#pragma once

#include "bpe/scanner.h"

namespace paribus::bpe {

// Null for a pattern without blocks, and where the compiler was not told to use the instructions.
BlockScan portable_scan(Pattern pattern);
BlockScan avx2_scan(Pattern pattern);
BlockScan avx512_scan(Pattern pattern);

}  // namespace paribus::bpe
