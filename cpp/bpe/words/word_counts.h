// Counts how often each word occurs, on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bpe/checkpoint.h"
#include "bpe/scan/scanner.h"
#include "bpe/types.h"
#include "bpe/words/long_word_table.h"
#include "bpe/words/short_word_table.h"
#include "bpe/words/word_batch.h"
#include "bpe/words/word_source.h"

namespace paribus::bpe {

class WordCounts {
  public:
    // Counts the pretokens of a text.
    void add(std::string_view text, const Scanner& scanner, Checkpoint& checkpoint);

    // Adds the counts of another table.
    void add(const WordCounts& other);

    // Calls `visit` with each word and its count.
    void for_each(const VisitWord& visit) const;

    // The number of distinct words.
    std::size_t size() const { return short_words_.size() + long_words_.size(); }

    // The memory of the counts in bytes.
    std::size_t n_bytes() const { return short_words_.n_bytes() + long_words_.n_bytes(); }

  private:
    struct Value {
        Count count;
        std::uint64_t unused;  // makes an entry of the table half a cache line
    };

    void add_words(std::string_view text, std::size_t begin, std::span<const std::size_t> ends);
    void add_word(std::string_view word, const WordKey& key);
    void add_short_word(const WordKey& key, Count count);
    void add_long_word(std::string_view word, std::uint64_t hash, Count count);

    using Table = ShortWordTable<Value>;

    Table short_words_;
    LongWordTable<Count> long_words_;
    WordBatch<Table> batch_;
};

}  // namespace paribus::bpe
