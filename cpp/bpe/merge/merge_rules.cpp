#include "bpe/merge/merge_rules.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace paribus::bpe {

namespace {

bool is_narrow(const std::vector<MergeRule>& rules) {
    return std::all_of(rules.begin(), rules.end(), [](const MergeRule& rule) {
        return rule.left < most_narrow_ids && rule.right < most_narrow_ids;
    });
}

}  // namespace

MergeRules::MergeRules(std::vector<MergeRule> rules)
    : rules_(std::move(rules)),
      is_narrow_(is_narrow(rules_)),
      slots_(std::bit_ceil(2 * rules_.size() + 1)),
      mask_(slots_.size() - 1),
      filter_(std::bit_ceil(rules_.size() / 4 + 2)),
      filter_shift_(64 - static_cast<unsigned>(std::countr_zero(64 * filter_.size()))) {
    for (std::uint32_t rank = 0; rank < rules_.size(); ++rank) {
        const auto [left, right, result] = rules_[rank];
        const std::uint64_t hash = hash_of(left, right);
        Slot& slot = slots_[place_of(hash, left, right)];
        if (slot.rank == absent) slot = {tag_of(hash, left, right), rank};
        results_.push_back(result);
        const std::uint64_t bit = hash >> filter_shift_;
        filter_[bit / 64] |= std::uint64_t{1} << bit % 64;
    }
}

}  // namespace paribus::bpe
