// The split patterns by name.
#pragma once

#include <string_view>

namespace paribus::bpe {

// How text is split into pretokens. With `none`, the whole text is one pretoken.
enum class Pattern { gpt2, cl100k, o200k, none };

// Throws Error for an unknown name.
Pattern pattern_named(std::string_view name);

}  // namespace paribus::bpe
