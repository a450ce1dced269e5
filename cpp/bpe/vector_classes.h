// The masks of a block by vector comparisons, for any instruction set that has them.
#pragma once

#include "bpe/block.h"

namespace paribus::bpe {

// `Isa` says how to load 64 bytes, and gives masks of those between two bytes of ASCII, of those
// equal to one, and of those beyond ASCII.
template <typename Isa>
Block classify_by_vectors(const char* text) {
    const auto bytes = Isa::load(text);
    Block block{};
    block.capitals = Isa::between(bytes, 'A', 'Z');
    block.letters = block.capitals | Isa::between(bytes, 'a', 'z');
    block.numbers = Isa::between(bytes, '0', '9');
    block.spaces = Isa::equal(bytes, ' ');
    block.white_space = block.spaces | Isa::between(bytes, '\t', '\r');
    block.newlines = Isa::equal(bytes, '\n') | Isa::equal(bytes, '\r');
    block.slashes = Isa::equal(bytes, '/');
    block.apostrophes = Isa::equal(bytes, '\'');
    block.beyond_ascii = Isa::beyond_ascii(bytes);
    block.n_known = block_size;
    return block;
}

}  // namespace paribus::bpe
