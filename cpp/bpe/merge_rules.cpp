#include "bpe/merge_rules.h"

#include <bit>
#include <utility>

namespace paribus::bpe {

MergeRules::MergeRules(std::vector<MergeRule> rules)
    : rules_(std::move(rules)),
      slots_(std::bit_ceil(2 * rules_.size() + 1)),
      mask_(slots_.size() - 1),
      filter_(std::bit_ceil(rules_.size() / 4 + 2)),
      filter_shift_(64 - static_cast<unsigned>(std::countr_zero(64 * filter_.size()))) {
    for (std::uint32_t rank = 0; rank < rules_.size(); ++rank) {
        const auto [left, right, result] = rules_[rank];
        const std::uint64_t hash = hash_of(left, right);
        Slot& slot = slots_[place_of(hash, left, right)];
        if (slot.rank == absent) slot = {tag_of(hash), rank};
        const std::uint64_t bit = hash >> filter_shift_;
        filter_[bit / 64] |= std::uint64_t{1} << bit % 64;
    }
}

}  // namespace paribus::bpe
