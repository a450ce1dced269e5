// What all mergers of one vocabulary read.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bpe/merge/merge_rules.h"
#include "bpe/types.h"

namespace paribus::bpe {

struct MergeTables {
    // `tokens` are the bytes of each id.
    MergeTables(const std::array<Id, 256>& ids_of_bytes, std::vector<MergeRule> merges,
                const std::vector<std::string>& tokens);

    // Whether a merge can join what ends in byte `left` and what begins with byte `right`. Where
    // none can, a word falls into parts that merge alone.
    bool can_join(char left, char right) const { return joins[pair_of(left, right)]; }

    // The rank of a pair of bytes, `absent` where it is not merged.
    std::uint32_t rank_of_bytes(char left, char right) const {
        return byte_ranks[pair_of(left, right)];
    }

    static std::size_t pair_of(char left, char right) {
        return std::size_t{static_cast<unsigned char>(left)} << 8 |
               static_cast<unsigned char>(right);
    }

    std::array<Id, 256> byte_ids;
    MergeRules rules;
    std::vector<std::uint32_t> lengths;     // bytes, by id
    std::vector<std::uint8_t> joins;        // by pair of bytes
    std::vector<std::uint32_t> byte_ranks;  // by pair of bytes
    bool ranks_rise;  // each merge comes after all that make its parts, as in every trained list
};

}  // namespace paribus::bpe
