#include "bpe/block_beyond_ascii.h"

#include <bit>

#include "bpe/unicode.h"

namespace paribus::bpe {
namespace {

constexpr ClassSet caseless = set_of(CharClass::modifier, CharClass::other_letter, CharClass::mark);
constexpr ClassSet capitals = set_of(CharClass::uppercase, CharClass::titlecase);

bool is_cut(const char* bytes, unsigned at) {
    return at + sequence_length(static_cast<unsigned char>(bytes[at])) > block_size;
}

bool is_contraction_of_long_s(const char* bytes, unsigned at) {
    return at > 0 && bytes[at - 1] == '\'' && std::string_view(bytes + at, 2) == "\xC5\xBF";
}

// Adds one character; false where the masks cannot say what it is to the pattern.
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
            // To o200k a mark in a word is like a letter without case, elsewhere it can be a
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

void add_beyond_ascii(const char* bytes, Pattern pattern, Block& block) {
    std::uint64_t left = block.beyond_ascii;
    while (left != 0) {
        const auto at = static_cast<unsigned>(std::countr_zero(left));
        block.n_known = at;
        if (is_cut(bytes, at) || is_contraction_of_long_s(bytes, at)) return;
        const Character character = character_at({bytes, block_size}, at);
        const std::uint64_t bits = ((std::uint64_t{1} << character.n_bytes) - 1) << at;
        if (!add(character, bits, pattern, block)) return;
        block.inner |= bits & bits << 1;
        left &= ~bits;
    }
    block.n_known = block_size;
}

}  // namespace paribus::bpe
