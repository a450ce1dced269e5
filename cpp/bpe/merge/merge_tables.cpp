#include "bpe/merge/merge_tables.h"

#include <algorithm>
#include <utility>

namespace paribus::bpe {
namespace {

constexpr std::size_t n_pairs_of_bytes = std::size_t{1} << 16;

bool ranks_rise(const MergeRules& rules, std::size_t n_tokens) {
    std::vector<std::uint32_t> first_use(n_tokens, absent);
    for (auto rank = static_cast<std::uint32_t>(rules.size()); rank-- > 0;) {
        first_use[rules[rank].left] = first_use[rules[rank].right] = rank;
    }
    for (std::uint32_t rank = 0; rank < rules.size(); ++rank) {
        if (first_use[rules[rank].result] < rank) return false;
    }
    return true;
}

}  // namespace

MergeTables::MergeTables(const std::array<Id, 256>& ids_of_bytes, std::vector<MergeRule> merges,
                         const std::vector<std::string>& tokens)
    : byte_ids(ids_of_bytes),
      rules(std::move(merges)),
      joins(n_pairs_of_bytes),
      byte_ranks(n_pairs_of_bytes, absent),
      ranks_rise(bpe::ranks_rise(rules, tokens.size())) {
    for (const std::string& token : tokens) {
        lengths.push_back(static_cast<std::uint32_t>(token.size()));
    }
    for (std::uint32_t rank = 0; rank < rules.size(); ++rank) {
        const MergeRule& rule = rules[rank];
        const char left = tokens[rule.left].back(), right = tokens[rule.right].front();
        joins[pair_of(left, right)] = 1;
        if (rule.left != byte_ids[static_cast<unsigned char>(left)] ||
            rule.right != byte_ids[static_cast<unsigned char>(right)]) {
            continue;
        }
        std::uint32_t& first = byte_ranks[pair_of(left, right)];
        first = std::min(first, rank);
    }
}

}  // namespace paribus::bpe
