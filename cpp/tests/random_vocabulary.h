// A vocabulary of random merges, for tests of the encoder.
#pragma once

#include <functional>

#include "bpe/encode/encoder.h"

namespace paribus::tests {

// Two special tokens, the bytes in shuffled order, and up to `n_merges` merges of tokens picked by
// `below`, which returns a number below its argument. Merges of equal bytes share an id. In every
// other vocabulary the merges are shuffled.
bpe::EncoderTables random_vocabulary(std::size_t n_merges, bpe::Pattern pattern,
                                     const std::function<std::size_t(std::size_t)>& below);

// The tables that the mergers of a vocabulary share.
bpe::MergeTables merge_tables(const bpe::EncoderTables& tables);

// The ids of a text taken as one word, by the naive algorithm.
std::vector<bpe::Id> naive_merge_word(std::string_view word, const bpe::EncoderTables& tables);

// The ids of a text, by the naive algorithms.
std::vector<bpe::Id> naive_encode(std::string_view text, const bpe::EncoderTables& tables,
                                  bool allow_special);

}  // namespace paribus::tests
