// Learns merges from counted words.
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
    bool ran_out = false;  // of pairs, before there were as many as asked for
};

// Whether symbols of 16 bits are enough for so many merges; they take half the memory.
bool has_narrow_symbols(Count n_merges);

// Merges as often as the options say. `words` is dropped, with what it owns, once they are laid
// out.
LearnedMerges learn_merges(WordSource words, const TrainingOptions& options,
                           const Progress& progress);

}  // namespace paribus::bpe
