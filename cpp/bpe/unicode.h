// Code points of bytes that may be invalid UTF-8, and the class of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bpe {

enum class CharClass : std::uint8_t {
    other,  // symbols, unassigned code points, and every byte that is no valid UTF-8
    white_space,
    number,
    mark,
    uppercase,
    lowercase,
    titlecase,
    modifier,
    other_letter,
};

struct CodePoint {
    std::uint32_t value;  // `invalid_byte` where the byte belongs to no valid sequence
    std::uint32_t length;
    CharClass char_class;
};

inline constexpr std::uint32_t invalid_byte = 0xFFFFFFFF;

// The code point that starts at `position`, which lies inside of `text`.
CodePoint code_point_at(std::string_view text, std::size_t position);

// The class of a valid code point.
CharClass class_of(std::uint32_t value);

constexpr bool is_letter(CharClass c) { return c >= CharClass::uppercase; }
constexpr bool is_space(CharClass c) { return c == CharClass::white_space; }
constexpr bool is_number(CharClass c) { return c == CharClass::number; }
constexpr bool is_symbol(CharClass c) { return c == CharClass::other || c == CharClass::mark; }

}  // namespace bpe
