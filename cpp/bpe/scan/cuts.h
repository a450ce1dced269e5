// Where text can be cut so that its parts split alone into the pretokens of the whole.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "bpe/checkpoint.h"
#include "bpe/scan/pattern.h"
#include "bpe/scan/special_tokens.h"

namespace paribus::bpe {

// Whether `at`, inside the text, is a border of pretokens that both sides keep when split alone,
// whatever stands further left or right. It may say no to a border that is one.
bool is_safe_cut(std::string_view text, std::size_t at, Pattern pattern);

// The last safe cut in (begin, end], or `begin` where there is none. It may look at the text behind
// `end`.
std::size_t last_safe_cut(std::string_view text, std::size_t begin, std::size_t end,
                          Pattern pattern);

// How many bytes at the front of `text` give the same pretokens and special tokens whatever follows
// the text: up to a safe cut or the end of a special token; 0 where none is sure.
std::size_t settled_size(std::string_view text, Pattern pattern, const SpecialTokens& specials);

// Cuts text into pieces of `target` bytes or somewhat more, at safe cuts and at special tokens,
// never inside one. A stretch without a safe cut stays whole.
std::vector<std::string_view> cut_text(std::string_view text, Pattern pattern,
                                       const SpecialTokens& specials, std::size_t target,
                                       const Poll& poll = {});

}  // namespace paribus::bpe
