// The tokens learned so far: their bytes, their lengths, and their order in ties.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bpe/train/options.h"
#include "bpe/types.h"

namespace paribus::bpe {

// Symbols number the tokens: 0 = border of words, 1 to 256 = bytes, then the merges in order.
inline constexpr Id border = 0;

constexpr Id symbol_of_byte(char byte) { return static_cast<unsigned char>(byte) + Id{1}; }

class TokenList {
  public:
    // The border and the bytes.
    explicit TokenList(const TrainingOptions& options);

    // Adds the token of two neighbours and returns its symbol.
    Id add(Id left, Id right);

    std::size_t size() const { return tokens_.size(); }
    const std::string& bytes(Id symbol) const { return tokens_[symbol]; }
    std::uint32_t length(Id symbol) const { return lengths_[symbol]; }

    // Whether, of two different tokens, a pair with `a` is merged before an equally frequent one
    // with `b` in the same place.
    bool is_before(Id a, Id b) const {
        if (ranks_[a] != ranks_[b]) return ranks_[a] > ranks_[b];
        return tokens_[a] > tokens_[b];
    }

  private:
    void append(std::string token, Id id);

    Ties ties_;
    Id next_id_;
    std::vector<std::string> tokens_;
    std::vector<std::uint32_t> lengths_;
    // The greater rank comes first: the first eight bytes, which settle most comparisons, or for
    // `hf` the complement of the id.
    std::vector<std::uint64_t> ranks_;
};

}  // namespace paribus::bpe
