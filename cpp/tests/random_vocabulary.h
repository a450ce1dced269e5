// A vocabulary of random merges, for tests of the encoder.
#pragma once

#include <functional>

#include "bpe/encode/encoder.h"

namespace paribus::tests {

// Two special tokens, the bytes in a shuffled order, and up to `n_merges` merges of tokens that
// `below` picks: it returns a number below its argument. Merges of equal bytes
// share an id. One vocabulary in two has its merges in no order of creation.
bpe::EncoderTables random_vocabulary(std::size_t n_merges, bpe::Pattern pattern,
                                     const std::function<std::size_t(std::size_t)>& below);

// What the mergers of a vocabulary read.
bpe::MergeTables merge_tables(const bpe::EncoderTables& tables);

// The ids of a text taken as one word, by the plain algorithm.
std::vector<bpe::Id> naive_merge_word(std::string_view word, const bpe::EncoderTables& tables);

// The ids that the plain algorithms give.
std::vector<bpe::Id> naive_encode(std::string_view text, const bpe::EncoderTables& tables,
                                  bool allow_special);

}  // namespace paribus::tests
