// The characters of UTF-8 text and their classes. A byte that is not part of valid UTF-8 is a
// character of its own, with class `other`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace paribus::bpe {

#include "bpe/scan/unicode_table.inc"

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

inline constexpr Character invalid_byte{CharClass::other, 1};
inline constexpr std::uint32_t beyond_unicode = 0x110000;

// The length of the sequence that `lead` begins, 1 if no sequence begins with it.
constexpr std::uint32_t sequence_length(std::uint32_t lead) {
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 1;
}

constexpr CharClass class_of(std::uint32_t code_point) {
    return static_cast<CharClass>(
        unicode_block_classes[unicode_block_of[code_point / 128]][code_point % 128]);
}

// The code point of a sequence of 2 to 4 bytes. The result is beyond Unicode if the bytes are not
// such a sequence, or are more than the code point needs.
constexpr std::uint32_t code_point_at(const char* bytes, std::uint32_t n_bytes) {
    std::uint32_t code_point = static_cast<unsigned char>(bytes[0]) & (0x7FU >> n_bytes);
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 1; i < n_bytes; ++i) {
        const std::uint32_t byte = static_cast<unsigned char>(bytes[i]) ^ 0x80U;
        wrong |= byte >> 6;
        code_point = code_point << 6 | byte;
    }
    if (wrong != 0) return beyond_unicode;
    if (n_bytes == 3 && (code_point < 0x800 || code_point >> 11 == 0xD800 >> 11)) {
        return beyond_unicode;
    }
    if (n_bytes == 4 && code_point < 0x10000) return beyond_unicode;
    return code_point;
}

// The character that a non-ASCII lead byte begins; all its `n_bytes` can be read.
constexpr Character character_of(const char* bytes, std::uint32_t n_bytes) {
    if (n_bytes == 1) return invalid_byte;
    const std::uint32_t code_point = code_point_at(bytes, n_bytes);
    if (code_point >= beyond_unicode) return invalid_byte;
    return {class_of(code_point), n_bytes};
}

// The character that begins at byte `at`, which lies within the text.
inline Character character_at(std::string_view text, std::size_t at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
        return {static_cast<CharClass>(unicode_block_classes[unicode_block_of[0]][byte]), 1};
    }
    const std::uint32_t n_bytes = sequence_length(byte);
    if (text.size() - at < n_bytes) return invalid_byte;
    return character_of(text.data() + at, n_bytes);
}

// The character that ends right before byte `at`, which is above zero.
Character character_before(std::string_view text, std::size_t at);

}  // namespace paribus::bpe
