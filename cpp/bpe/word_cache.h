// Remembers the ids of words already merged.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "bpe/long_word_cache.h"
#include "bpe/short_word_table.h"
#include "bpe/types.h"
#include "bpe/word_batch.h"
#include "bpe/word_key.h"

namespace paribus::bpe {

// The ids of a short word in 16 bytes. More than fit stand in a pool.
template <typename Token>
struct WordValue {
    static constexpr std::size_t n_inline = 16 / sizeof(Token) - 1;

    std::array<Token, n_inline> ids;  // or, in its first 4 bytes, where they begin in the pool
    Token n_ids;
};

// Forgets everything when it is full: its size never changes an encoding.
template <typename Token>
class WordCache {
  public:
    explicit WordCache(std::size_t most_bytes)
        : most_bytes_(std::min<std::size_t>(most_bytes, std::size_t{1} << 31)) {}

    // Memory that a lookup reads first, to be fetched ahead.
    const void* place_of(const WordLookup& lookup) const {
        return lookup.is_short() ? short_words_.place_of(lookup.hash)
                                 : long_words_.place_of(lookup.hash);
    }

    // Writes the ids of words to `out`, which moves behind them, up to the first word that takes
    // another way: it is long or not known, or its ids are many. Returns how many words. Each write
    // is a whole value, whatever the number of ids.
    std::size_t append_known(std::span<const WordLookup> lookups, Token*& out) const {
        const typename ShortWordTable<WordValue<Token>>::Reader reader(short_words_);
        Token* end = out;
        const WordLookup* lookup = lookups.data();
        for (const WordLookup* const last = lookup + lookups.size(); lookup != last; ++lookup) {
            const WordValue<Token>* value = reader.find_near(lookup->key, lookup->hash);
            if (value == nullptr || value->n_ids > WordValue<Token>::n_inline) break;
            std::memcpy(end, value, sizeof *value);
            end += value->n_ids;
        }
        out = end;
        return static_cast<std::size_t>(lookup - lookups.data());
    }

    // The ids of a word, none where it is not known; until the next call.
    std::span<const Id> find(std::string_view word, const WordLookup& lookup) {
        if (!lookup.is_short()) return long_words_.find(word, lookup.hash);
        const WordValue<Token>* value = short_words_.find(lookup.key, lookup.hash);
        if (value == nullptr) return {};
        const Token* ids = value->ids.data();
        if (value->n_ids > WordValue<Token>::n_inline) ids = pool_.data() + pool_begin(*value);
        std::copy(ids, ids + value->n_ids, found_.begin());
        return std::span(found_).first(value->n_ids);
    }

    // Remembers a word of 1 to `longest_hashed_word` bytes that is not known.
    void insert(std::string_view word, const WordLookup& lookup, std::span<const Id> ids) {
        if (n_bytes() + word.size() + (short_words_.is_full() ? short_words_.n_bytes() : 0) >
            most_bytes_) {
            clear();
        }
        if (!lookup.is_short()) {
            long_words_.insert(word, lookup.hash, ids);
        } else {
            short_words_.insert(lookup.key, lookup.hash, value_of(ids));
        }
    }

  private:
    std::size_t n_bytes() const {
        return short_words_.n_bytes() + pool_.size() * sizeof(Token) + long_words_.n_bytes();
    }

    void clear() {
        short_words_.clear();
        pool_.clear();
        long_words_.clear();
    }

    WordValue<Token> value_of(std::span<const Id> ids) {
        WordValue<Token> value{};
        value.n_ids = static_cast<Token>(ids.size());
        const auto narrow = [](Id id) { return static_cast<Token>(id); };
        if (ids.size() <= WordValue<Token>::n_inline) {
            std::transform(ids.begin(), ids.end(), value.ids.begin(), narrow);
            return value;
        }
        const auto begin = static_cast<std::uint32_t>(pool_.size());
        std::memcpy(value.ids.data(), &begin, sizeof begin);
        std::transform(ids.begin(), ids.end(), std::back_inserter(pool_), narrow);
        return value;
    }

    static std::uint32_t pool_begin(const WordValue<Token>& value) {
        std::uint32_t begin;
        std::memcpy(&begin, value.ids.data(), sizeof begin);
        return begin;
    }

    std::size_t most_bytes_;
    ShortWordTable<WordValue<Token>> short_words_;
    std::vector<Token> pool_;
    LongWordCache long_words_;
    std::array<Id, longest_short_word> found_;
};

}  // namespace paribus::bpe
