// Types that every part of the BPE core shares: ids, counts and the one error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

namespace paribus::bpe {

using Id = std::uint32_t;
using Count = std::uint64_t;

// The number of ids that fit in 16 bits.
inline constexpr std::size_t most_narrow_ids = std::size_t{1} << 16;

// Marks an index or a rank that is absent.
inline constexpr std::uint32_t absent = std::numeric_limits<std::uint32_t>::max();

// Bad data from outside: which part of it is wrong, what was expected there, and what was found.
class Error : public std::runtime_error {
  public:
    Error(const std::string& where, const std::string& expected, const std::string& found)
        : std::runtime_error(where + ": expected " + expected + ", found " + found) {}
};

}  // namespace paribus::bpe
