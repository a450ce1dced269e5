// How distinct words with their counts pass from the counting to the learning of merges.
#pragma once

#include <functional>
#include <string_view>

#include "bpe/types.h"

namespace paribus::bpe {

using VisitWord = std::function<void(std::string_view word, Count count)>;

// Shows each distinct word once, in any order; it is called more than once.
using WordSource = std::function<void(const VisitWord& visit)>;

}  // namespace paribus::bpe
