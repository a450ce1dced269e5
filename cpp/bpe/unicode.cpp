#include "bpe/unicode.h"

namespace bpe {
namespace {

#include "bpe/unicode_table.inc"

// Well-formed sequences of Unicode 16.0, table 3-7: the second byte's range depends on the first.
struct Lead {
    std::uint32_t length;
    unsigned char second_low, second_high;
};

Lead lead_of(unsigned char byte) {
    if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
    if (byte == 0xE0) return {3, 0xA0, 0xBF};
    if (byte == 0xED) return {3, 0x80, 0x9F};
    if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
    if (byte == 0xF0) return {4, 0x90, 0xBF};
    if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
    if (byte == 0xF4) return {4, 0x80, 0x8F};
    return {0, 0, 0};
}

}  // namespace

CharClass class_of(std::uint32_t value) {
    return static_cast<CharClass>(
        unicode_block_classes[unicode_block_of[value / 128]][value % 128]);
}

CodePoint code_point_at(std::string_view text, std::size_t position) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return {first, 1, class_of(first)};
    const Lead lead = lead_of(first);
    const CodePoint invalid{invalid_byte, 1, CharClass::other};
    if (lead.length == 0 || text.size() - position < lead.length) return invalid;
    if (byte(1) < lead.second_low || byte(1) > lead.second_high) return invalid;
    std::uint32_t value = first & (0xFFu >> (lead.length + 1));
    value = value << 6 | (byte(1) & 0x3Fu);
    for (std::uint32_t i = 2; i < lead.length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return invalid;
        value = value << 6 | (byte(i) & 0x3Fu);
    }
    return {value, lead.length, class_of(value)};
}

}  // namespace bpe
