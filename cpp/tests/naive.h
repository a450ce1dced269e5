// Naive implementations of the core: the oracles of tests and fuzzers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bpe/merge/merge_rules.h"
#include "bpe/train/trainer.h"
#include "bpe/types.h"

namespace paribus::tests {

// The pretokens, found by a backtracking matcher that reads the pattern as a list of atoms.
std::vector<std::string> naive_split(std::string_view text, bpe::Pattern pattern);

// Text between special tokens, found by trying every place and every special token.
std::vector<std::string> naive_segments(std::string_view text,
                                        const std::vector<std::string>& specials);

// Training that counts all pairs again for each merge.
bpe::TrainingResult naive_train(std::string_view text, const bpe::TrainingOptions& options);

// Merges the leftmost pair of the lowest rank until no rule applies.
std::vector<bpe::Id> naive_merge(std::vector<bpe::Id> ids,
                                 const std::vector<bpe::MergeRule>& rules);

}  // namespace paribus::tests
