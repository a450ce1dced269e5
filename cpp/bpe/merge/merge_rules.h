// The merges of a vocabulary, by rank and by pair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpe/types.h"

namespace paribus::bpe {

// `left` and `right` become `result`. The rank of a rule is its index in the list.
struct MergeRule {
    Id left;
    Id right;
    Id result;
};

class MergeRules {
  public:
    // If a pair is listed twice, the first rule counts. There must be fewer than `absent` rules.
    explicit MergeRules(std::vector<MergeRule> rules);

    std::size_t size() const { return rules_.size(); }

    const MergeRule& operator[](std::uint32_t rank) const { return rules_[rank]; }

    Id result_of(std::uint32_t rank) const { return results_[rank]; }

    // `absent` if the pair is not merged.
    std::uint32_t rank_of(Id left, Id right) const {
        const std::uint64_t hash = hash_of(left, right);
        return may_be_rule(hash) ? slots_[place_of(hash, left, right)].rank : absent;
    }

  private:
    // The tag is the pair itself if ids have 16 bits; otherwise it tells most pairs apart without
    // reading the rules.
    struct Slot {
        std::uint32_t tag = 0;
        std::uint32_t rank = absent;  // a free slot
    };

    // Cheap, because a merge waits for it: two odd factors without a pattern in their bits. The
    // upper bits of the hash depend on all bits of the pair.
    static std::uint64_t hash_of(Id left, Id right) {
        return left * 0x9E3779B97F4A7C15ULL + right * 0xC4CEB9FE1A85EC53ULL;
    }
    std::uint32_t tag_of(std::uint64_t hash, Id left, Id right) const {
        return is_narrow_ ? left << 16 | right : static_cast<std::uint32_t>(hash >> 32);
    }

    // One bit per hash: most of the pairs looked up have no rule, and the bits fit in a near cache.
    bool may_be_rule(std::uint64_t hash) const {
        const std::uint64_t bit = hash >> filter_shift_;
        return (filter_[bit / 64] >> bit % 64 & 1) != 0;
    }

    std::size_t place_of(std::uint64_t hash, Id left, Id right) const {
        const std::uint32_t tag = tag_of(hash, left, right);
        // The lowest bits of a product depend on few bits of the pair.
        std::size_t place = hash >> 20 & mask_;
        while (slots_[place].rank != absent &&
               (slots_[place].tag != tag || !is_rule(slots_[place].rank, left, right))) {
            place = (place + 1) & mask_;
        }
        return place;
    }

    bool is_rule(std::uint32_t rank, Id left, Id right) const {
        return is_narrow_ || (rules_[rank].left == left && rules_[rank].right == right);
    }

    std::vector<MergeRule> rules_;
    std::vector<Id> results_;  // the results of the rules again, closer together
    bool is_narrow_;           // all ids of the rules have 16 bits
    std::vector<Slot> slots_;  // a power of two, at most half of them taken
    std::size_t mask_;
    std::vector<std::uint64_t> filter_;  // a power of two of bits, at most one in 16 set
    unsigned filter_shift_;
};

}  // namespace paribus::bpe
