#include "bpe/merge_rules.h"

namespace paribus::bpe {

MergeRules::MergeRules(std::vector<MergeRule> rules)
    : rules_(std::move(rules)),
      slots_(std::bit_ceil(2 * rules_.size() + 1)),
      mask_(slots_.size() - 1) {
    for (std::uint32_t rank = 0; rank < rules_.size(); ++rank) {
        const auto [left, right, result] = rules_[rank];
        Slot& slot = slots_[place_of(left, right)];
        if (slot.rank != absent) continue;
        const std::uint64_t hash = mixed(std::uint64_t{left} << 32 | right);
        slot = {static_cast<std::uint32_t>(hash >> 32), rank};
    }
}

}  // namespace paribus::bpe
