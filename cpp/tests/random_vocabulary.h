// A vocabulary of random merges, for tests of the encoder.
#pragma once

#include <functional>

#include "bpe/encoder.h"

namespace paribus::tests {

// Two special tokens, the bytes in a shuffled order, and up to `n_merges` merges of tokens that
// `below` picks: it returns a number below its argument. Merges of equal bytes share an id.
bpe::EncoderTables random_vocabulary(std::size_t n_merges, bpe::Pattern pattern,
                                     const std::function<std::size_t(std::size_t)>& below);

// The ids that the plain algorithms give.
std::vector<bpe::Id> naive_encode(std::string_view text, const bpe::EncoderTables& tables,
                                  bool allow_special);

}  // namespace paribus::tests
