// Names that every part of the core shares.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bpe {

using TokenId = std::uint32_t;

// What a caller can cause; the binding turns it into an exception of Python.
class Error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The left and the right part of a merge, as bytes.
using Merge = std::pair<std::string, std::string>;

}  // namespace bpe
