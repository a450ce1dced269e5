// The split of text into pretokens, one by one: each function is equal to one regular expression.
// scanner.h finds the same borders faster.
//
//   gpt2    '(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s
//   cl100k  '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+
//           | ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s
//   o200k [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|...)?
//           |[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|...)?
//           |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
//   none    the whole text
//
// They are the patterns of tiktoken. The end of the text counts as `$`, so a text is split alone:
// cut it before only where `is_safe_cut` allows.
#pragma once

#include <cstddef>
#include <string_view>

#include "bpe/scan/pattern.h"

namespace paribus::bpe {

// Takes a text and where a pretoken begins in it, below its size; returns where that pretoken ends.
using PretokenEnd = std::size_t (*)(std::string_view text, std::size_t begin);

PretokenEnd pretoken_end_of(Pattern pattern);

inline constexpr unsigned longest_contraction = 3;  // bytes

// Length of the contraction, such as 's or 'll, at the first of three bytes; 0 for none. That of
// the long s, U+017F, is not known here.
unsigned contraction_length(const char* bytes, bool any_case);

}  // namespace paribus::bpe
