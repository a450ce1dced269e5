// The classes of a block's characters beyond ASCII.
#pragma once

#include <cstdint>

#include "bpe/scan/block.h"
#include "bpe/scan/pattern.h"

namespace paribus::bpe {

// Takes the bytes of a block whose masks hold its ASCII characters, and adds the others. Ends
// before the first that masks of bytes cannot say: white space, a number where the pattern counts
// them, a mark where it has two meanings, a long s that may be a contraction, a character that is
// cut.
void add_beyond_ascii(const char* bytes, Pattern pattern, Block& block);

}  // namespace paribus::bpe
