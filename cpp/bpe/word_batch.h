// The words of a text in batches: first what all of them are looked up by, then the lookups, so
// that the waits for memory overlap.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bpe/long_word_cache.h"
#include "bpe/prefetch.h"
#include "bpe/scanner.h"
#include "bpe/word_key.h"

namespace paribus::bpe {

inline constexpr std::size_t longest_hashed_word = 256;  // bytes

// What a word is looked up by: the key of a short one; of a long one a key that no word has, and a
// hash of all bytes up to `longest_hashed_word`, else 0.
struct WordLookup {
    bool is_short() const { return key.tail != 0; }

    WordKey key;
    std::uint64_t hash;
};

inline WordLookup lookup_of(std::string_view word) {
    if (word.size() <= longest_short_word) {
        const WordKey key = short_word_key(word);
        return {key, key.hash()};
    }
    return {WordKey{1, 0}, word.size() <= longest_hashed_word ? hash_of_bytes(word) : 0};
}

// Words that follow one another in a text, with what each is looked up by.
struct Words {
    std::string_view text;
    std::size_t begin;
    std::span<const std::size_t> ends;
    std::span<const WordLookup> lookups;

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

class WordBatch {
  public:
    // Fewer than a scanner's batch: what is fetched ahead must still be there when it is read.
    static constexpr std::size_t most_words = 128;

    // The lookups of the words that begin at `begin` and end at `ends`; `place_of(lookup)` is the
    // memory that each will read.
    template <typename PlaceOf>
    std::span<const WordLookup> look_up(std::string_view text, std::size_t begin,
                                        std::span<const std::size_t> ends, PlaceOf&& place_of) {
        const WordHashFactors factors = word_hash_factors;  // in registers
        WordLookup* lookup = lookups_.data();
        for (const std::size_t end : ends) {
            const std::size_t length = end - begin;
            if (length <= longest_short_word && text.size() - begin >= sizeof(WordKey)) [[likely]] {
                const WordKey key = short_word_key(text.data() + begin, length);
                *lookup = {key, key.hash(factors)};
            } else {
                *lookup = lookup_of(text.substr(begin, length));
            }
            prefetch(place_of(*lookup++));
            begin = end;
        }
        return std::span(lookups_).first(ends.size());
    }

  private:
    std::array<WordLookup, most_words> lookups_;
};

// Calls `visit(begin, ends)` for the words of a text, a batch at a time.
template <typename Visit>
void for_each_batch(std::string_view text, const Scanner& scanner, Visit&& visit) {
    Scanner::Batch batch;
    for (std::size_t begin = 0; begin < text.size();) {
        std::span<const std::size_t> ends = scanner.scan(text, begin, batch);
        while (!ends.empty()) {
            const auto some = ends.first(std::min(ends.size(), WordBatch::most_words));
            visit(begin, some);
            begin = some.back();
            ends = ends.subspan(some.size());
        }
    }
}

}  // namespace paribus::bpe
