// Learns merges from words and their counts.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bpe/train/options.h"
#include "bpe/train/progress.h"
#include "bpe/types.h"
#include "bpe/words/word_source.h"

namespace paribus::bpe {

// The bytes of the left and of the right token.
using Merge = std::pair<std::string, std::string>;

struct LearnedMerges {
    std::vector<Merge> merges;
    bool ran_out = false;  // of pairs before the requested number was reached
};

// Whether 16-bit symbols, which take half the memory, are enough for this number of merges.
bool has_narrow_symbols(Count n_merges);

// Learns the number of merges that the options ask for. `words` and everything it owns is freed
// once the words are laid out.
LearnedMerges learn_merges(WordSource words, const TrainingOptions& options,
                           const Progress& progress);

}  // namespace paribus::bpe
