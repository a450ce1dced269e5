// Splits text into pretokens, the pieces that merges never cross, by hand-written scanners that
// match what the named regular expressions match.
#pragma once

#include <cstddef>
#include <string_view>

namespace bpe {

enum class Pattern { gpt2, cl100k, o200k, none };

// The pattern of a name; throws Error for a name that is none of gpt2, cl100k, o200k, none.
Pattern pattern_of(std::string_view name);

// The end of the pretoken that starts at `start`; `start` lies inside of `text` and is itself a
// border between pretokens.
std::size_t pretoken_end(Pattern pattern, std::string_view text, std::size_t start);

// The first position from `from` on that is a border between pretokens whatever stands elsewhere in
// the text: behind a letter, in front of something that no pretoken of letters goes on with.
// npos where there is none.
std::size_t next_sure_border(Pattern pattern, std::string_view text, std::size_t from);

}  // namespace bpe
