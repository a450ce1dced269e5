#include "bpe/scan/block_beyond_ascii.h"

#include <bit>

#include "bpe/scan/unicode.h"

namespace paribus::bpe {
namespace {

constexpr ClassSet caseless = set_of(CharClass::modifier, CharClass::other_letter, CharClass::mark);
constexpr ClassSet capitals = set_of(CharClass::uppercase, CharClass::titlecase);

bool is_contraction_of_long_s(const char* bytes, unsigned at) {
    return bytes[at] == '\xC5' && bytes[at + 1] == '\xBF' && at > 0 && bytes[at - 1] == '\'';
}

// Adds one character. Returns false if masks cannot express what it means to the pattern.
bool add(Character character, std::uint64_t bits, Pattern pattern, Block& block) {
    switch (character.kind) {
        case CharClass::other:
            return true;
        case CharClass::white_space:
            return false;
        case CharClass::number:
            block.numbers |= bits;
            return pattern == Pattern::gpt2;  // the others count characters, not bytes
        case CharClass::mark:
            // In o200k a mark inside a word acts as a caseless letter; elsewhere it can be a
            // prefix.
            if (pattern != Pattern::o200k) return true;
            if ((block.letters << 1 & bits) == 0) return false;
            break;
        default:
            break;
    }
    block.letters |= bits;
    if (contains(capitals, character.kind)) block.capitals |= bits;
    if (contains(caseless, character.kind)) block.caseless |= bits;
    return true;
}

}  // namespace

void add_beyond_ascii(const char* bytes, Pattern pattern, Block& to) {
    Block block = to;  // in registers
    std::uint64_t left = block.beyond_ascii;
    block.n_known = block_size;
    while (left != 0) {
        const auto at = static_cast<unsigned>(std::countr_zero(left));
        const std::uint32_t n_bytes = sequence_length(static_cast<unsigned char>(bytes[at]));
        if (at + n_bytes > block_size || is_contraction_of_long_s(bytes, at)) {
            block.n_known = at;
            break;
        }
        const Character character = character_of(bytes + at, n_bytes);
        const std::uint64_t bits = ((std::uint64_t{1} << character.n_bytes) - 1) << at;
        if (!add(character, bits, pattern, block)) {
            block.n_known = at;
            break;
        }
        block.inner |= bits & bits << 1;
        left &= ~bits;
    }
    to = block;
}

}  // namespace paribus::bpe
