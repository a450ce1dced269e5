#include "bpe/scan/unicode.h"

#include <algorithm>

namespace paribus::bpe {
namespace {

constexpr bool is_continuation(std::uint32_t byte) { return (byte & 0xC0U) == 0x80; }

}  // namespace

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
