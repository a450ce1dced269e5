// The tables that all mergers of one vocabulary share.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bpe/merge/merge_rules.h"
#include "bpe/types.h"

namespace paribus::bpe {

struct MergeTables {
    // `tokens` holds the bytes of each id.
    MergeTables(const std::array<Id, 256>& ids_of_bytes, std::vector<MergeRule> merges,
                const std::vector<std::string>& tokens);

    // Whether a merge can join a token that ends in byte `left` and one that begins with byte
    // `right`. Where none can, a word splits into parts that merge independently.
    bool can_join(char left, char right) const { return joins[pair_of(left, right)]; }

    // The rank of a pair of bytes, `absent` if it is not merged.
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
    bool ranks_rise;  // each merge comes after the merges that make its parts, as in every trained
                      // list
};

}  // namespace paribus::bpe
