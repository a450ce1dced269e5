// The words that every part of the BPE core shares: ids, counts, choices by name, and the one
// error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

namespace paribus::bpe {

using Id = std::uint32_t;
using Count = std::uint64_t;

// 16 bits are enough for so many ids.
inline constexpr std::size_t most_narrow_ids = std::size_t{1} << 16;

// Stands where an index or a rank is absent.
inline constexpr std::uint32_t absent = std::numeric_limits<std::uint32_t>::max();

// Bad data from outside: which piece of it is wrong, what was expected there, what was found.
class Error : public std::runtime_error {
  public:
    Error(const std::string& where, const std::string& expected, const std::string& found)
        : std::runtime_error(where + ": expected " + expected + ", found " + found) {}
};

// How text is cut into pretokens; `none` takes the whole text as one.
enum class Pattern { gpt2, cl100k, o200k, none };

Pattern pattern_named(std::string_view name);

// Which of the most frequent pairs is merged: the greatest pair of byte strings (`cs336`) or the
// smallest pair of ids (`hf`).
enum class Ties { cs336, hf };

Ties ties_named(std::string_view name);

}  // namespace paribus::bpe
