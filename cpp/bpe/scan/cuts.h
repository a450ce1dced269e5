// Where text can be cut so that its parts, split separately, give the pretokens of the whole.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "bpe/checkpoint.h"
#include "bpe/scan/pattern.h"
#include "bpe/scan/special_tokens.h"

namespace paribus::bpe {

// Whether `at`, inside the text, is a border of pretokens that remains when both sides are split
// separately, whatever precedes and follows them. False negatives are possible.
bool is_safe_cut(std::string_view text, std::size_t at, Pattern pattern);

// The last safe cut in (begin, end], or `begin` if there is none. May read the text after `end`.
std::size_t last_safe_cut(std::string_view text, std::size_t begin, std::size_t end,
                          Pattern pattern);

// The number of leading bytes of `text` whose pretokens and special tokens stay the same whatever
// follows: up to a safe cut or the end of a special token, 0 if there is neither.
std::size_t settled_size(std::string_view text, Pattern pattern, const SpecialTokens& specials);

// Cuts text into pieces of `target` bytes or slightly more, at safe cuts and around special tokens,
// never inside one. A stretch without a safe cut stays whole.
std::vector<std::string_view> cut_text(std::string_view text, Pattern pattern,
                                       const SpecialTokens& specials, std::size_t target,
                                       const Poll& poll = {});

}  // namespace paribus::bpe
