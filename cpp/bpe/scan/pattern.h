// The split patterns by name.
#pragma once

#include <string_view>

namespace paribus::bpe {

// How text is cut into pretokens; `none` takes the whole text as one.
enum class Pattern { gpt2, cl100k, o200k, none };

// Throws Error for an unknown name.
Pattern pattern_named(std::string_view name);

}  // namespace paribus::bpe
