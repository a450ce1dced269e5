#include <array>
#include <bit>
#include <cstdint>

#include "bpe/scan/block_scan.h"
#include "bpe/scan/block_scans.h"
#include "bpe/scan/unicode.h"

namespace paribus::bpe {
namespace {

// The masks that an ASCII byte belongs to, as bits.
enum Mask : unsigned { letter = 1, capital = 2, number = 4, white = 8 };

constexpr unsigned masks_of(unsigned byte) {
    switch (static_cast<CharClass>(unicode_block_classes[unicode_block_of[0]][byte])) {
        case CharClass::uppercase:
            return letter | capital;
        case CharClass::lowercase:
            return letter;
        case CharClass::number:
            return number;
        case CharClass::white_space:
            return white;
        default:
            return 0;
    }
}

constexpr auto masks_of_bytes = [] {
    std::array<std::uint8_t, 256> masks{};
    for (unsigned byte = 0; byte < 128; ++byte) {
        masks[byte] = static_cast<std::uint8_t>(masks_of(byte));
    }
    return masks;
}();

struct Portable {
    static Block classify(const char* bytes) {
        Block block{};
        block.n_known = block_size;
        for (unsigned at = 0; at < block_size; ++at) {
            const auto byte = static_cast<unsigned char>(bytes[at]);
            const std::uint64_t masks = masks_of_bytes[byte];
            block.letters |= (masks & letter) << at;
            block.capitals |= (masks / capital & 1) << at;
            block.numbers |= (masks / number & 1) << at;
            block.white_space |= (masks / white & 1) << at;
            block.spaces |= std::uint64_t{byte == ' '} << at;
            block.newlines |= std::uint64_t{byte == '\n' || byte == '\r'} << at;
            block.slashes |= std::uint64_t{byte == '/'} << at;
            block.apostrophes |= std::uint64_t{byte == '\''} << at;
            block.beyond_ascii |= std::uint64_t{byte >= 0x80} << at;
        }
        return block;
    }

    // The top bit is added so that the compiler needs no branch for an empty mask.
    static unsigned first_bit(std::uint64_t mask) {
        return static_cast<unsigned>(std::countr_zero(mask | std::uint64_t{1} << 63));
    }

    static std::size_t* append_ends(std::uint64_t borders, std::size_t begin, std::size_t* ends) {
        return append_ends_by_bits<Portable>(borders, begin, ends);
    }
};

}  // namespace

BlockScan portable_scan(Pattern pattern) { return block_scan_of<Portable>(pattern); }

}  // namespace paribus::bpe
