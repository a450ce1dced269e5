// The classes of the non-ASCII characters of a block.
#pragma once

#include <cstdint>

#include "bpe/scan/block.h"
#include "bpe/scan/pattern.h"

namespace paribus::bpe {

// Adds the non-ASCII characters to a block whose masks already hold the ASCII ones. Stops before
// the first character that masks of bytes cannot express: white space, a digit if the pattern
// counts digits, a mark with two meanings, a long s that may be a contraction, or an incomplete
// character.
void add_beyond_ascii(const char* bytes, Pattern pattern, Block& block);

}  // namespace paribus::bpe
