// Characters of UTF-8 text and their classes; a byte that is not part of valid UTF-8 is a character
// of its own, of class `other`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace paribus::bpe {

#include "bpe/unicode_table.inc"

// In the order of the generated table.
enum class CharClass : std::uint8_t {
    other,
    white_space,
    number,
    mark,
    uppercase,
    lowercase,
    titlecase,
    modifier,
    other_letter,
};

// A set of classes, one bit each.
using ClassSet = std::uint32_t;

template <typename... Classes>
constexpr ClassSet set_of(Classes... classes) {
    return ((1U << static_cast<unsigned>(classes)) | ...);
}

constexpr bool contains(ClassSet set, CharClass kind) {
    return ((set >> static_cast<unsigned>(kind)) & 1U) != 0;
}

inline constexpr ClassSet white_space = set_of(CharClass::white_space);
inline constexpr ClassSet numbers = set_of(CharClass::number);
inline constexpr ClassSet letters =
    set_of(CharClass::uppercase, CharClass::lowercase, CharClass::titlecase, CharClass::modifier,
           CharClass::other_letter);
// [^\s\p{L}\p{N}]
inline constexpr ClassSet symbols = set_of(CharClass::other, CharClass::mark);

struct Character {
    CharClass kind;
    std::uint32_t n_bytes;
};

// Bytes of the sequence that `lead` begins; 1 where no sequence begins with it.
constexpr std::uint32_t sequence_length(std::uint32_t lead) {
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 1;
}

Character character_beyond_ascii(std::string_view text, std::size_t at);

// The character that begins at byte `at`, which lies within the text.
inline Character character_at(std::string_view text, std::size_t at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
        return {static_cast<CharClass>(unicode_block_classes[unicode_block_of[0]][byte]), 1};
    }
    return character_beyond_ascii(text, at);
}

// The character that ends right before byte `at`, which is above zero.
Character character_before(std::string_view text, std::size_t at);

}  // namespace paribus::bpe
