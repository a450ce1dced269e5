// Remembers the ids of words already merged.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "bpe/types.h"
#include "bpe/word_table.h"

namespace paribus::bpe {

// Forgets everything when it is full: its size never changes an encoding.
class WordCache {
  public:
    static constexpr std::size_t longest_word = 64;  // bytes
    static constexpr std::size_t most_words = std::size_t{1} << 18;
    static constexpr std::size_t most_pooled_ids = std::size_t{1} << 21;

    // Appends the ids of `word` to `ids`; false where it is not known.
    bool append(std::string_view word, std::vector<Id>& ids) const {
        const std::uint64_t entry = table_.find(word);
        const auto value = static_cast<std::uint32_t>(entry >> 32);
        const auto n_ids = static_cast<std::uint32_t>(entry);
        if (n_ids == 0) return false;
        if (n_ids == 1) {
            ids.push_back(value);
        } else {
            ids.insert(ids.end(), pool_.data() + value, pool_.data() + value + n_ids);
        }
        return true;
    }

    // Remembers a word of 1 to `longest_word` bytes that is not known.
    void remember(std::string_view word, std::span<const Id> ids) {
        if (table_.size() >= most_words || pool_.size() >= most_pooled_ids) {
            table_.clear();
            pool_.clear();
        }
        std::uint64_t value = ids[0];
        if (ids.size() > 1) {
            value = pool_.size();
            pool_.insert(pool_.end(), ids.begin(), ids.end());
        }
        table_[word] = value << 32 | ids.size();
    }

  private:
    WordTable table_;       // (the id, or where the ids begin in the pool) << 32 | how many ids
    std::vector<Id> pool_;  // ids of words of more than one token
};

}  // namespace paribus::bpe
