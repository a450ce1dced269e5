// Looks up the words of a text in batches: first all keys are computed and their lines fetched,
// then all lookups run, so that the waits for memory overlap.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bpe/prefetch.h"
#include "bpe/scan/scanner.h"
#include "bpe/words/word_key.h"

namespace paribus::bpe {

inline constexpr std::size_t longest_hashed_word = 256;  // bytes

// Fewer than a scanner's batch, so that fetched lines are still in the cache when they are read.
inline constexpr std::size_t most_words_at_a_time = 128;

// The key of any word. All words longer than `longest_hashed_word` have the same key.
inline WordKey key_of(std::string_view word) {
    if (word.size() <= longest_short_word) return short_word_key(word);
    return WordKey::of_long_word(word.size() <= longest_hashed_word ? hash_of_bytes(word) : 0);
}

// A word's key, and the line of a table where a short word may be.
template <typename Table>
struct WordLookup {
    WordKey key;
    typename Table::Line* line;
};

// Consecutive words of a text, each with its key and its line.
template <typename Table>
struct Words {
    std::string_view text;
    std::size_t begin;
    std::span<const std::size_t> ends;
    std::span<const WordLookup<Table>> lookups;

    std::size_t size() const { return ends.size(); }
    std::size_t n_bytes() const { return ends.back() - begin; }

    std::string_view operator[](std::size_t i) const {
        const std::size_t word_begin = i == 0 ? begin : ends[i - 1];
        return text.substr(word_begin, ends[i] - word_begin);
    }

    Words without_first(std::size_t n) const {
        return {text, n == 0 ? begin : ends[n - 1], ends.subspan(n), lookups.subspan(n)};
    }
};

template <typename Table>
class WordBatch {
  public:
    using Lines = typename Table::Lines;

    // Prepares the words that begin at `begin` and end at `ends`, and starts fetching their lines.
    // `fetch_long(key)` may fetch memory that the lookup of a long word reads.
    template <typename FetchLong>
    Words<Table> prepare(std::string_view text, std::size_t begin,
                         std::span<const std::size_t> ends, Lines lines, FetchLong&& fetch_long) {
        const Words<Table> words{text, begin, ends, std::span(lookups_).first(ends.size())};
        // Keys are read as 16 bytes, which needs another way near the end of the text.
        const std::size_t readable = text.size() - std::min(text.size(), sizeof(WordKey) - 1);
        WordLookup<Table>* lookup = lookups_.data();
        for (const std::size_t end : ends) {
            const std::size_t length = end - begin;
            if (length <= longest_short_word && begin < readable) [[likely]] {
                const WordKey key = short_word_key(text.data() + begin, length);
                *lookup = {key, lines.of(key)};
                prefetch(lookup->line);
            } else {
                *lookup = lookup_of(text.substr(begin, length), lines, fetch_long);
            }
            ++lookup;
            begin = end;
        }
        return words;
    }

  private:
    template <typename FetchLong>
    static WordLookup<Table> lookup_of(std::string_view word, const Lines& lines,
                                       FetchLong&& fetch_long) {
        const WordKey key = key_of(word);
        if (key.is_short()) return {key, lines.of(key)};
        fetch_long(key);
        return {key, lines.any()};
    }

    std::array<WordLookup<Table>, most_words_at_a_time> lookups_;
};

// Calls `visit(begin, ends)` for each batch of words of a text.
template <typename Visit>
void for_each_batch(std::string_view text, const Scanner& scanner, Visit&& visit) {
    Scanner::Batch batch;
    for (std::size_t begin = 0; begin < text.size();) {
        std::span<const std::size_t> ends = scanner.scan(text, begin, batch);
        while (!ends.empty()) {
            const auto some = ends.first(std::min(ends.size(), most_words_at_a_time));
            visit(begin, some);
            begin = some.back();
            ends = ends.subspan(some.size());
        }
    }
}

}  // namespace paribus::bpe
