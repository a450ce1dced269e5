#include "bpe/merge_tables.h"

#include <utility>

namespace paribus::bpe {
namespace {

constexpr std::size_t n_pairs_of_bytes = std::size_t{1} << 16;

}  // namespace

MergeTables::MergeTables(const std::array<Id, 256>& ids_of_bytes, std::vector<MergeRule> merges,
                         const std::vector<std::string>& tokens)
    : byte_ids(ids_of_bytes),
      rules(std::move(merges)),
      joins(n_pairs_of_bytes),
      byte_ranks(n_pairs_of_bytes, absent) {
    for (const std::string& token : tokens) {
        lengths.push_back(static_cast<std::uint32_t>(token.size()));
    }
    for (std::size_t rank = 0; rank < rules.size(); ++rank) {
        const MergeRule& rule = rules[static_cast<std::uint32_t>(rank)];
        joins[pair_of(tokens[rule.left].back(), tokens[rule.right].front())] = 1;
    }
    for (std::size_t pair = 0; pair < n_pairs_of_bytes; ++pair) {
        if (joins[pair] != 0)
            byte_ranks[pair] = rules.rank_of(byte_ids[pair >> 8], byte_ids[pair & 0xFF]);
    }
}

}  // namespace paribus::bpe
