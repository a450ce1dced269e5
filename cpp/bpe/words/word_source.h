// Hands the distinct words and their counts from counting over to learning.
#pragma once

#include <functional>
#include <string_view>

#include "bpe/types.h"

namespace paribus::bpe {

using VisitWord = std::function<void(std::string_view word, Count count)>;

// Calls `visit` once for each distinct word, in any order. A source is called more than once.
using WordSource = std::function<void(const VisitWord& visit)>;

}  // namespace paribus::bpe
