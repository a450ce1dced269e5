// Merges words of up to 64 bytes, in registers and on the stack.
#pragma once

#include <cstddef>
#include <string_view>

#include "bpe/merge/merge_tables.h"
#include "bpe/types.h"

namespace paribus::bpe {

inline constexpr std::size_t longest_short_merge = 64;  // bytes

// Whether the ranks of a vocabulary fit in the keys that `merge_short` compares.
bool can_merge_short(const MergeTables& tables);

// Writes the ids of a word of 1 to 64 bytes to `ids`, which has room for one id per byte; returns
// their number.
std::size_t merge_short(std::string_view word, const MergeTables& tables, Id* ids);

}  // namespace paribus::bpe
