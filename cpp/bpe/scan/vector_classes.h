// Computes the masks of a block with vector instructions, for any instruction set that has them.
#pragma once

#include <array>
#include <cstdint>

#include "bpe/scan/always_inline.h"
#include "bpe/scan/block.h"

namespace paribus::bpe {

// The upper half of an ASCII byte is its row in the code chart, the lower half its column; the bits
// that both have in common are its classes. Letters have two bits, because their rows end at
// different columns.
struct CodeChart {
    using Bits = std::array<std::uint8_t, 16>;
    Bits columns;
    Bits rows;
};

constexpr CodeChart code_chart() {
    CodeChart chart{};
    unsigned bit = 0x80;
    const auto add = [&](unsigned row, unsigned first_column, unsigned last_column) {
        chart.rows[row] = static_cast<std::uint8_t>(chart.rows[row] | bit);
        for (unsigned column = first_column; column <= last_column; ++column) {
            chart.columns[column] = static_cast<std::uint8_t>(chart.columns[column] | bit);
        }
    };
    // The order in which `classify_by_vectors` takes the bits.
    add(4, 1, 15), add(6, 1, 15), bit >>= 1;    // letters A to O
    add(5, 0, 10), add(7, 0, 10), bit >>= 1;    // letters P to Z
    add(3, 0, 9), bit >>= 1;                    // numbers
    add(2, 0, 0), bit >>= 1;                    // space
    add(0, 9, 13), bit >>= 1;                   // other white space
    add(2, 7, 7), bit >>= 1;                    // apostrophe
    add(0, 10, 10), add(0, 13, 13), bit >>= 1;  // newlines
    add(2, 15, 15);                             // slash
    return chart;
}

inline constexpr CodeChart ascii_chart = code_chart();

// `Isa` loads 64 bytes, looks up their halves in a chart, doubles each byte (which brings its next
// bit to the top), and takes the top bits and the bits that tell small letters from capitals.
template <typename Isa>
PARIBUS_ALWAYS_INLINE Block classify_by_vectors(const char* text) {
    const auto bytes = Isa::load(text);
    auto classes = Isa::look_up(bytes, ascii_chart);
    const auto next = [&] { return classes = Isa::doubled(classes); };
    const auto letters_to_o = classes;
    Block block{};
    block.letters = Isa::top_bits(Isa::either(letters_to_o, next()));
    block.capitals = block.letters & ~Isa::small_letter_bits(bytes);
    block.numbers = Isa::top_bits(next());
    const auto spaces = next();
    block.spaces = Isa::top_bits(spaces);
    block.white_space = Isa::top_bits(Isa::either(spaces, next()));
    block.apostrophes = Isa::top_bits(next());
    block.newlines = Isa::top_bits(next());
    block.slashes = Isa::top_bits(next());
    block.beyond_ascii = Isa::top_bits(bytes);
    block.n_known = block_size;
    return block;
}

}  // namespace paribus::bpe
