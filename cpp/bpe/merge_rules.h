// The merges of a vocabulary, by rank and by pair.
#pragma once

#include <cstdint>
#include <vector>

#include "bpe/pair_table.h"
#include "bpe/types.h"

namespace paribus::bpe {

// `left` and `right` become `result`. The rank of a rule is its place in the list, 0 first.
struct MergeRule {
    Id left;
    Id right;
    Id result;
};

class MergeRules {
  public:
    // Where a pair is listed twice, the first rule counts. There are fewer than `absent` rules.
    explicit MergeRules(std::vector<MergeRule> rules) : rules_(std::move(rules)) {
        for (std::uint32_t rank = 0; rank < rules_.size(); ++rank) {
            ranks_.find_or_insert(rules_[rank].left, rules_[rank].right, rank);
        }
    }

    std::size_t size() const { return rules_.size(); }

    const MergeRule& operator[](std::uint32_t rank) const { return rules_[rank]; }

    // `absent` where the pair is not merged.
    std::uint32_t rank_of(Id left, Id right) const { return ranks_.find(left, right); }

  private:
    std::vector<MergeRule> rules_;
    PairTable ranks_;
};

}  // namespace paribus::bpe
