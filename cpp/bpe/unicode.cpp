#include "bpe/unicode.h"

#include <algorithm>

namespace paribus::bpe {
namespace {

constexpr Character invalid_byte{CharClass::other, 1};

constexpr CharClass class_of(std::uint32_t code_point) {
    return static_cast<CharClass>(
        unicode_block_classes[unicode_block_of[code_point / 128]][code_point % 128]);
}

constexpr bool is_continuation(std::uint32_t byte) { return (byte & 0xC0U) == 0x80; }

// Whether the code point needs as many bytes as it was given, and is no surrogate.
constexpr bool is_scalar(std::uint32_t code_point, std::uint32_t n_bytes) {
    if (n_bytes == 3) return code_point >= 0x800 && (code_point < 0xD800 || code_point > 0xDFFF);
    if (n_bytes == 4) return code_point >= 0x10000 && code_point <= 0x10FFFF;
    return true;
}

}  // namespace

Character character_beyond_ascii(std::string_view text, std::size_t at) {
    const std::uint32_t lead = static_cast<unsigned char>(text[at]);
    const std::uint32_t n_bytes = sequence_length(lead);
    if (n_bytes == 1 || text.size() - at < n_bytes) return invalid_byte;
    std::uint32_t code_point = lead & (0x7FU >> n_bytes);
    for (std::uint32_t i = 1; i < n_bytes; ++i) {
        const std::uint32_t byte = static_cast<unsigned char>(text[at + i]);
        if (!is_continuation(byte)) return invalid_byte;
        code_point = code_point << 6 | (byte & 0x3FU);
    }
    if (!is_scalar(code_point, n_bytes)) return invalid_byte;
    return {class_of(code_point), n_bytes};
}

Character character_before(std::string_view text, std::size_t at) {
    for (std::size_t n_bytes = 1; n_bytes <= std::min<std::size_t>(4, at); ++n_bytes) {
        const std::size_t begin = at - n_bytes;
        if (is_continuation(static_cast<unsigned char>(text[begin]))) continue;
        const Character found = character_at(text, begin);
        return found.n_bytes == n_bytes ? found : invalid_byte;
    }
    return invalid_byte;
}

}  // namespace paribus::bpe
