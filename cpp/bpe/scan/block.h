// A block of 64 bytes of text as bit masks: one mask per class of characters, one bit per byte.
#pragma once

#include <cstdint>

namespace paribus::bpe {

inline constexpr unsigned block_size = 64;  // bytes

// All bytes of a character have the bit of its class. A character without a class is a symbol.
struct Block {
    std::uint64_t letters;
    std::uint64_t capitals;  // capital letters; only o200k needs them
    std::uint64_t caseless;  // letters that are neither upper nor lower case
    std::uint64_t numbers;
    std::uint64_t white_space;
    std::uint64_t spaces;
    std::uint64_t newlines;  // \r and \n
    std::uint64_t slashes;
    std::uint64_t apostrophes;
    std::uint64_t beyond_ascii;
    std::uint64_t inner;  // all but the first byte of a character
    unsigned n_known;     // number of leading bytes whose classes are known
};

}  // namespace paribus::bpe
