// The merges of a vocabulary, by rank and by pair.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bpe/hash.h"
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
    explicit MergeRules(std::vector<MergeRule> rules);

    std::size_t size() const { return rules_.size(); }

    const MergeRule& operator[](std::uint32_t rank) const { return rules_[rank]; }

    // `absent` where the pair is not merged.
    std::uint32_t rank_of(Id left, Id right) const { return slots_[place_of(left, right)].rank; }

  private:
    // A tag tells most pairs apart without a look at the rules.
    struct Slot {
        std::uint32_t tag = 0;
        std::uint32_t rank = absent;  // absent: free
    };

    bool is_rule(std::uint32_t rank, Id left, Id right) const {
        return rules_[rank].left == left && rules_[rank].right == right;
    }

    std::size_t place_of(Id left, Id right) const {
        const std::uint64_t hash = mixed(std::uint64_t{left} << 32 | right);
        const auto tag = static_cast<std::uint32_t>(hash >> 32);
        std::size_t place = hash & mask_;
        while (slots_[place].rank != absent &&
               (slots_[place].tag != tag || !is_rule(slots_[place].rank, left, right))) {
            place = (place + 1) & mask_;
        }
        return place;
    }

    std::vector<MergeRule> rules_;
    std::vector<Slot> slots_;  // a power of two, at most half of them taken
    std::size_t mask_;
};

}  // namespace paribus::bpe
