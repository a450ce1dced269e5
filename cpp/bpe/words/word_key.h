// How words are looked up: a short word by a key of its bytes and length in two registers, a long
// word by its hash.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace paribus::bpe {

inline constexpr std::size_t longest_short_word = 15;  // bytes

// Odd numbers that each process draws at random, so that no text can be written whose words all
// collide. They key the hash of short words (multiply-shift: Dietzfelbinger et al. 1997) and that
// of long words. All tables of a process share them, so counts can move from one to another.
struct WordHashFactors {
    std::uint64_t head;
    std::uint64_t tail;
};
extern const WordHashFactors word_hash_factors;

// A keyed hash of the bytes of a word of any length: SipHash-1-3 (Aumasson and Bernstein 2012).
std::uint64_t hash_of_bytes(std::string_view word, const WordHashFactors& key = word_hash_factors);

// The bytes in order, then zeros, then the length in the last byte; never all zero.
struct WordKey {
    std::uint64_t head;
    std::uint64_t tail;

    bool operator==(const WordKey& other) const {
        return ((head ^ other.head) | (tail ^ other.tail)) == 0;
    }

    // Its upper bits depend on all bits of the key.
    std::uint64_t hash(const WordHashFactors& factors = word_hash_factors) const {
        return head * factors.head + tail * factors.tail;
    }

    // The key of a long word, which no short word has; it is not all zero either.
    static WordKey of_long_word(std::uint64_t hash) { return {hash | 1, 0}; }

    bool is_short() const { return tail != 0; }

    // All bytes of the key: the word, zeros and the length.
    std::string_view bytes() const { return {reinterpret_cast<const char*>(this), sizeof *this}; }

    std::size_t length() const {
        return static_cast<std::size_t>(std::endian::native == std::endian::little ? tail >> 56
                                                                                   : tail & 0xFF);
    }
};

// The key of a word of 1 to `longest_short_word` bytes. 16 bytes must be readable at `bytes`.
inline WordKey short_word_key(const char* bytes, std::size_t length) {
    static constexpr auto masks = [] {
        std::array<unsigned char, 32> table{};
        for (std::size_t i = 0; i < 16; ++i) table[i] = 0xFF;
        return table;
    }();
    WordKey key, mask;
    std::memcpy(&key, bytes, sizeof key);
    std::memcpy(&mask, masks.data() + 16 - length, sizeof mask);
    const int shift = std::endian::native == std::endian::little ? 56 : 0;
    return {key.head & mask.head, (key.tail & mask.tail) | std::uint64_t{length} << shift};
}

// The same if no byte after the word may be read.
inline WordKey short_word_key(std::string_view word) {
    std::array<char, 16> bytes{};
    std::copy(word.begin(), word.end(), bytes.begin());
    return short_word_key(bytes.data(), word.size());
}

}  // namespace paribus::bpe
