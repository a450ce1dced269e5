// The loop over blocks that finds the ends of pretokens, for one instruction set.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bpe/prefetch.h"
#include "bpe/scan/always_inline.h"
#include "bpe/scan/block_beyond_ascii.h"
#include "bpe/scan/block_borders.h"
#include "bpe/scan/block_scans.h"
#include "bpe/scan/pattern.h"

namespace paribus::bpe {

template <typename Isa, Pattern pattern>
PARIBUS_ALWAYS_INLINE Borders<Isa> borders_of(const Block& block, const char* bytes) {
    if constexpr (pattern == Pattern::gpt2) return gpt2_borders<Isa>(block, bytes);
    if constexpr (pattern == Pattern::cl100k) return cl100k_borders<Isa>(block, bytes);
    return o200k_borders<Isa>(block, bytes);
}

// The certain borders inside the block, without its first byte. The text ends at `size`.
template <typename Isa, Pattern pattern>
PARIBUS_ALWAYS_INLINE std::uint64_t borders_in_block(const char* bytes, std::size_t size) {
    Block block = Isa::classify(bytes);
    if (block.beyond_ascii != 0) {
        Block whole = block;  // a copy, so that the masks of ASCII text stay in registers
        add_beyond_ascii(bytes, pattern, whole);
        block = whole;
    }
    if (size < block.n_known) block.n_known = static_cast<unsigned>(size);
    const Borders<Isa> borders = borders_of<Isa, pattern>(block, bytes);
    return borders.begins & bits_below<Isa>(borders.n_certain) & ~std::uint64_t{1};
}

// The same for the end of a text, which is shorter than a block.
template <typename Isa, Pattern pattern>
std::uint64_t borders_at_end(const char* bytes, std::size_t size) {
    char block[block_size] = {};
    std::memcpy(block, bytes, size);
    return borders_in_block<Isa, pattern>(block, size);
}

inline constexpr std::size_t ends_at_a_time = 8;

// Appends `begin` + the place of each bit, several at a time.
template <typename Isa>
PARIBUS_ALWAYS_INLINE std::size_t* append_ends_by_bits(std::uint64_t borders, std::size_t begin,
                                                       std::size_t* ends) {
    std::size_t* const last = ends + std::popcount(borders);
    for (; borders != 0; ends += ends_at_a_time) {
        for (std::size_t i = 0; i < ends_at_a_time; ++i) {
            ends[i] = begin + Isa::first_bit(borders);  // no branch where none is left
            borders &= borders - 1;
        }
    }
    return last;
}

// How far ahead, in bytes, text is fetched: the hardware prefetcher stops at each page boundary.
inline constexpr std::size_t text_ahead = 4096;

// `Isa` classifies a block and appends `begin` + the place of each bit to `ends`. The loop stops
// while `ends` still has room for the borders of a block.
template <typename Isa, Pattern pattern>
std::size_t scan_blocks(const char* text, std::size_t size, std::size_t begin, std::size_t* ends,
                        std::size_t n_ends, PretokenEnd pretoken_end) {
    std::size_t* const first = ends;
    std::size_t* const full = ends + (n_ends - block_size);
    while (begin < size && ends <= full) {
        const std::size_t left = size - begin;
        prefetch_at(reinterpret_cast<std::uintptr_t>(text) + begin + text_ahead);
        const std::uint64_t borders = left >= block_size
                                          ? borders_in_block<Isa, pattern>(text + begin, block_size)
                                          : borders_at_end<Isa, pattern>(text + begin, left);
        if (borders != 0) {
            ends = Isa::append_ends(borders, begin, ends);
            // Computed again rather than read from `ends`, because the next block waits for it.
            begin += block_size - 1 - static_cast<unsigned>(std::countl_zero(borders));
            continue;
        }
        begin = pretoken_end({text, size}, begin);
        *ends++ = begin;
    }
    return static_cast<std::size_t>(ends - first);
}

template <typename Isa>
BlockScan block_scan_of(Pattern pattern) {
    switch (pattern) {
        case Pattern::gpt2:
            return scan_blocks<Isa, Pattern::gpt2>;
        case Pattern::cl100k:
            return scan_blocks<Isa, Pattern::cl100k>;
        case Pattern::o200k:
            return scan_blocks<Isa, Pattern::o200k>;
        case Pattern::none:
            break;
    }
    return nullptr;
}

}  // namespace paribus::bpe
