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

#include "bpe/prefetch.h"
#include "bpe/types.h"
#include "bpe/words/long_word_table.h"
#include "bpe/words/short_word_table.h"
#include "bpe/words/word_batch.h"
#include "bpe/words/word_key.h"

namespace paribus::bpe {

// The ids of a short word in 16 bytes. If they do not fit, they are stored in a pool.
template <typename StoredId>
struct WordValue {
    static constexpr std::size_t n_inline = 16 / sizeof(StoredId) - 1;

    std::array<StoredId, n_inline> ids;  // or, in its first 4 bytes, where they begin in the pool
    StoredId n_ids;
};

// Each word in the pool has room for the ids of the longest short word, and one more.
inline constexpr std::size_t pooled_ids = longest_short_word + 1;

// When it is full, it forgets everything, so its size never changes an encoding.
template <typename StoredId>
class WordCache {
  public:
    explicit WordCache(std::size_t most_bytes)
        : most_bytes_(std::min<std::size_t>(most_bytes, std::size_t{1} << 31)) {}

    using Value = WordValue<StoredId>;
    using Table = ShortWordTable<Value>;

    // Prepares the words of a text that begin at `begin` and end at `ends` for `append_known`.
    Words<Table> prepare(std::string_view text, std::size_t begin,
                         std::span<const std::size_t> ends) {
        lines_ = typename Table::Lines(short_words_);
        return batch_.prepare(text, begin, ends, lines_, [this](const WordKey& key) {
            prefetch(long_words_.place_of(key.head));
        });
    }

    // Whether the last result of `prepare` is still valid; it is not if the table has grown.
    bool is_fresh() const { return short_words_.is_current(lines_); }

    // Writes the ids of the known words at the front of `words` to `out`, advances `out`, and
    // returns the number of words. Each write is at least a whole value, whatever the number of
    // ids, so `out` needs room for one id per byte of the words and for `pooled_ids` more.
    std::size_t append_known(const Words<Table>& words, StoredId*& out) {
        StoredId* end = out;
        std::size_t i = 0;
        for (; i < words.size(); ++i) {
            const Value* value = words.lookups[i].line->find(words.lookups[i].key);
            if (value == nullptr) [[unlikely]] {
                if (!append_far(words, i, value, end)) break;
                if (value == nullptr) continue;
            }
            append(*value, end);
        }
        out = end;
        return i;
    }

    // The ids of a word, empty if it is unknown; valid until the next insertion.
    std::span<const StoredId> find(std::string_view word, const WordKey& key) {
        if (!key.is_short()) return long_words_.find(word, key.head);
        const Value* value = short_words_.find(key);
        if (value == nullptr) return {};
        return {is_inline(*value) ? value->ids.data() : pooled(*value), value->n_ids};
    }

    // Remembers an unknown word of 1 to `longest_hashed_word` bytes.
    void insert(std::string_view word, const WordKey& key, std::span<const Id> ids) {
        if (n_bytes() + word.size() + (short_words_.is_full() ? short_words_.n_bytes() : 0) >
            most_bytes_) {
            clear();
        }
        if (key.is_short()) {
            short_words_.insert(key, value_of(ids));
        } else {
            std::ranges::transform(ids, long_words_.insert(word, key.head, ids.size()).begin(),
                                   narrow);
        }
    }

  private:
    static StoredId narrow(Id id) { return static_cast<StoredId>(id); }
    static bool is_inline(const Value& value) { return value.n_ids <= Value::n_inline; }

    const StoredId* pooled(const Value& value) const {
        std::uint32_t begin;
        std::memcpy(&begin, value.ids.data(), sizeof begin);
        return pool_.data() + begin;
    }

    void append(const Value& value, StoredId*& out) const {
        if (is_inline(value)) {
            std::memcpy(out, &value, sizeof value);
        } else {
            std::memcpy(out, pooled(value), pooled_ids * sizeof(StoredId));
        }
        out += value.n_ids;
    }

    // Handles a word that is not in the first line of its probe: sets the value of a short word, or
    // appends the ids of a long one. Returns false if the word is unknown.
    bool append_far(const Words<Table>& words, std::size_t i, const Value*& value, StoredId*& out) {
        const WordKey& key = words.lookups[i].key;
        if (key.is_short()) {
            value = short_words_.find(key);
            return value != nullptr;
        }
        const std::span<const StoredId> ids = long_words_.find(words[i], key.head);
        out = std::copy(ids.begin(), ids.end(), out);
        return !ids.empty();
    }

    std::size_t n_bytes() const {
        return short_words_.n_bytes() + pool_.size() * sizeof(StoredId) + long_words_.n_bytes();
    }

    void clear() {
        short_words_.clear();
        pool_.clear();
        long_words_.clear();
    }

    Value value_of(std::span<const Id> ids) {
        Value value{};
        value.n_ids = static_cast<StoredId>(ids.size());
        if (is_inline(value)) {
            std::transform(ids.begin(), ids.end(), value.ids.begin(), narrow);
            return value;
        }
        const auto begin = static_cast<std::uint32_t>(pool_.size());
        std::memcpy(value.ids.data(), &begin, sizeof begin);
        pool_.resize(pool_.size() + pooled_ids);
        std::transform(ids.begin(), ids.end(), pool_.begin() + begin, narrow);
        return value;
    }

    std::size_t most_bytes_;
    Table short_words_;
    typename Table::Lines lines_{short_words_};
    WordBatch<Table> batch_;
    std::vector<StoredId> pool_;
    LongWordTable<StoredId> long_words_;
};

}  // namespace paribus::bpe
