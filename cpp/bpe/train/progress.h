// How training reports its progress.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "bpe/types.h"

namespace paribus::bpe {

// Called now and then with the stage ("count", in bytes, or "merge", in merges), how much of it is
// done, and how much there is, if that is known. An exception thrown here stops training.
using Progress =
    std::function<void(std::string_view stage, Count done, std::optional<Count> total)>;

}  // namespace paribus::bpe
