// Where pretokens begin in a block, computed from its masks: one function per pattern.
//
// A block begins at a border of pretokens. What a pattern matches from a border on does not depend
// on the text before it, so nothing is carried from block to block.
//
// Bit i of a mask is byte i of the block. Drawn under the text, with bit 0 on the left, a shift
// `<<` moves each 1 to the next character, and the carry of an addition runs to the right. This is
// "a \n b" in cl100k, with _ for a space and n for a newline:
//
//     text           a _ n _ b
//     white          . 1 1 1 .
//     newlines       . . 1 . .
//     blank          . 1 . 1 .   white & ~newlines
//     first          . 1 . . .   white & ~(white << 1)
//     after_newline  . . . 1 .   blank & newlines << 1
//     last           . . . 1 .   blank & ~(white >> 1)
//     begins         1 1 . 1 .   "a", " \n" and " b"
//
// A blank after a newline begins a pretoken (" b"), unless the run of blanks that it starts leads
// to another newline: \s*[\r\n] takes that run whole. One addition follows all such runs at once.
// The 1 in after_newline is added to the first 1 of its run; each sum 1 + 1 is 0 and carries a 1 to
// the next place, until the carry comes out on the first character behind the run. In "a \n b" that
// is the b, which is no newline, so the border stands. In "a\n  \nb" it is a newline:
//
//     text           a n _ _ n b
//     white          . 1 1 1 1 .
//     newlines       . 1 . . 1 .
//     blank          . . 1 1 . .   white & ~newlines
//     after_newline  . . 1 . . .   blank & newlines << 1
//     behind_run     . . . . 1 .   (blank + after_newline) & ~blank
//     newline_after  . . . . 1 .   (blank + after_newline) & ~blank & newlines
//     begins         1 1 . . . 1   "a", "\n  \n" and "b"
//
// Everything here is a template over the instruction set, a type that only the file of that set
// knows. Otherwise the linker could pick code for a newer processor for an older one.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "bpe/scan/always_inline.h"
#include "bpe/scan/block.h"
#include "bpe/scan/pretokenizer.h"

namespace paribus::bpe {

template <typename Isa>
struct Borders {
    std::uint64_t begins;  // first bytes of pretokens
    unsigned n_certain;    // the bits below this one do not depend on unknown bytes
};

template <typename Isa>
constexpr std::uint64_t bit(unsigned at) {
    return std::uint64_t{1} << at;
}

template <typename Isa>
constexpr std::uint64_t bits_below(unsigned at) {
    return at >= block_size ? ~std::uint64_t{0} : bit<Isa>(at) - 1;
}

template <typename Isa>
constexpr std::uint64_t first_of_runs(std::uint64_t mask) {
    return mask & ~(mask << 1);
}

// Calls `found(at, length)` for each apostrophe that begins a contraction, until it returns false.
// The borders end at an apostrophe that is too close to the end of the known bytes.
template <typename Isa, typename Found>
PARIBUS_ALWAYS_INLINE void for_each_contraction(std::uint64_t apostrophes, const char* bytes,
                                                bool any_case, unsigned n_known,
                                                Borders<Isa>& borders, Found&& found) {
    for (; apostrophes != 0; apostrophes &= apostrophes - 1) {
        const auto at = static_cast<unsigned>(std::countr_zero(apostrophes));
        if (at >= borders.n_certain) return;
        if (at + longest_contraction >= n_known) {
            borders.n_certain = at;
            return;
        }
        const unsigned length = contraction_length(bytes + at, any_case);
        if (length != 0 && !found(at, length)) return;
    }
}

template <typename Isa>
PARIBUS_ALWAYS_INLINE Borders<Isa> gpt2_borders(const Block& block, const char* bytes) {
    const std::uint64_t white = block.white_space;
    const std::uint64_t symbols = ~(block.letters | block.numbers | white);
    const std::uint64_t words = first_of_runs<Isa>(block.letters) |
                                first_of_runs<Isa>(block.numbers) | first_of_runs<Isa>(symbols);
    const std::uint64_t last_white = white & ~(white >> 1);
    Borders<Isa> borders{first_of_runs<Isa>(white) | last_white | (words & ~(block.spaces << 1)),
                         block.n_known == 0 ? 0 : block.n_known - 1};
    for_each_contraction(block.apostrophes & borders.begins, bytes, false, block.n_known, borders,
                         [&](unsigned at, unsigned length) {
                             borders.begins &= ~bit<Isa>(at + 1);
                             borders.begins |= bit<Isa>(at + length);
                             return true;
                         });
    return borders;
}

// \p{N}{1,3}: every third digit of a run begins a pretoken. Digits of several bytes never get here.
template <typename Isa>
std::uint64_t each_third(std::uint64_t numbers) {
    const std::uint64_t inner = numbers & numbers << 1 & numbers << 2;
    std::uint64_t next = first_of_runs<Isa>(numbers), begins = next;
    while ((next = next << 3 & inner) != 0) begins |= next;
    return begins;
}

// The borders of white space in cl100k and o200k: \s*[\r\n] reaches to the last newline of a run,
// then \s+(?!\S) to the character before its last one. `taken` marks newlines that belong to the
// symbols before them.
template <typename Isa>
Borders<Isa> white_space_borders(const Block& block, std::uint64_t taken) {
    const std::uint64_t white = block.white_space & ~taken;
    const std::uint64_t blank = white & ~block.newlines;
    const std::uint64_t after_newline = blank & block.newlines << 1;
    const std::uint64_t last = blank & ~(block.white_space >> 1);
    Borders<Isa> borders{first_of_runs<Isa>(white) | after_newline | last, 0};
    // If a run of white space reaches the end of the known bytes, only its first border is certain.
    const std::uint64_t solid = ~block.white_space & bits_below<Isa>(block.n_known);
    const unsigned solid_end = block_size - static_cast<unsigned>(std::countl_zero(solid));
    borders.n_certain = solid_end < block.n_known ? solid_end + 1 : block.n_known;
    // Blanks between newlines begin nothing. They are rare, so the borders simply end at the last
    // such blank that comes before the first of these newlines.
    const std::uint64_t newline_after = (blank + after_newline) & ~blank & block.newlines;
    if (newline_after != 0) {
        const std::uint64_t wrong = after_newline & ((newline_after & (~newline_after + 1)) - 1);
        const unsigned end = block_size - 1 - static_cast<unsigned>(std::countl_zero(wrong));
        if (end < borders.n_certain) borders.n_certain = end;
    }
    return borders;
}

// [^\r\n\p{L}\p{N}] before letters: a blank, or a run of symbols that is one character long.
template <typename Isa>
std::uint64_t prefixes_of(const Block& block, std::uint64_t symbol_words) {
    const std::uint64_t next = block.inner & symbol_words << 1;
    const std::uint64_t rest = block.inner & ~(block.inner + next);
    return (block.white_space & ~block.newlines) | (symbol_words & ~(next >> 1)) | rest;
}

template <typename Isa>
PARIBUS_ALWAYS_INLINE Borders<Isa> cl100k_borders(const Block& block, const char* bytes) {
    const std::uint64_t symbols = ~(block.letters | block.numbers | block.white_space);
    const std::uint64_t first_taken = symbols << 1 & block.newlines;
    const std::uint64_t taken = block.newlines & ~(block.newlines + first_taken);
    Borders<Isa> borders = white_space_borders<Isa>(block, taken);
    const std::uint64_t symbol_words = first_of_runs<Isa>(symbols) & ~(block.spaces << 1);
    const std::uint64_t prefixes = prefixes_of<Isa>(block, symbol_words);
    borders.begins |= symbol_words | each_third<Isa>(block.numbers) |
                      (first_of_runs<Isa>(block.letters) & ~(prefixes << 1));
    for_each_contraction(block.apostrophes & symbol_words, bytes, true, block.n_known, borders,
                         [&](unsigned at, unsigned length) {
                             borders.begins |= bit<Isa>(at + length);
                             return true;
                         });
    return borders;
}

template <typename Isa>
PARIBUS_ALWAYS_INLINE Borders<Isa> o200k_borders(const Block& block, const char* bytes) {
    const std::uint64_t all_symbols = ~(block.letters | block.numbers | block.white_space);
    const std::uint64_t tails = block.newlines | block.slashes;
    const std::uint64_t first_taken = all_symbols << 1 & block.newlines;
    const std::uint64_t taken = (tails & ~(tails + first_taken)) | first_taken;
    Borders<Isa> borders = white_space_borders<Isa>(block, taken);
    const std::uint64_t symbols = all_symbols & ~taken;
    const std::uint64_t symbol_words = first_of_runs<Isa>(symbols) & ~(block.spaces << 1);
    const std::uint64_t prefixes = prefixes_of<Isa>(block, symbol_words);
    const std::uint64_t lower = block.letters & ~block.capitals & ~block.caseless;
    borders.begins |= symbol_words | each_third<Isa>(block.numbers) |
                      (first_of_runs<Isa>(block.letters) & ~(prefixes << 1)) |
                      (block.capitals & lower << 1);
    // Whether a capital after a caseless letter begins a word depends on what follows it.
    const std::uint64_t unsure = block.capitals & block.caseless << 1;
    if (unsure != 0) {
        const auto end = static_cast<unsigned>(std::countr_zero(unsure));
        if (end < borders.n_certain) borders.n_certain = end;
    }
    for_each_contraction(block.apostrophes & symbol_words & block.letters << 1, bytes, true,
                         block.n_known, borders, [&](unsigned at, unsigned length) {
                             borders.begins &= ~(bits_below<Isa>(length) << at);
                             borders.begins |= bit<Isa>(at + length);
                             // An apostrophe right after it begins no second contraction.
                             if (bytes[at + length] != '\'') return true;
                             const unsigned end = at + length + 1;
                             if (end < borders.n_certain) borders.n_certain = end;
                             return false;
                         });
    return borders;
}

}  // namespace paribus::bpe
