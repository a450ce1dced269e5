// A hash table from short words to values of 16 bytes, made for lookups in batches.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "bpe/words/word_key.h"
#include "bpe/zeroed_memory.h"

namespace paribus::bpe {

// Open addressing in cache lines of two entries. Nearly every lookup touches one line, which the
// caller can fetch ahead once it has computed the hashes of a batch.
template <typename Value>
class ShortWordTable {
  public:
    struct Entry {
        WordKey key;  // length 0: free
        Value value;
    };
    static_assert(sizeof(Entry) == 32 && std::is_trivially_copyable_v<Value>);

    static constexpr std::size_t least_bytes = 4096;

    explicit ShortWordTable(std::size_t n_bytes = least_bytes)
        : memory_(std::bit_ceil(n_bytes < least_bytes ? least_bytes : n_bytes)) {
        lay_out();
    }

    std::size_t size() const { return size_; }
    std::size_t n_bytes() const { return memory_.size(); }

    // Whether inserting one more word doubles its memory.
    bool is_full() const { return 2 * size_ >= n_entries(); }

    // The first two entries that a lookup reads: one cache line, which can be fetched ahead. They
    // do not move until the table grows.
    struct Line {
        Entry first;
        Entry second;

        // The value of a word, null if it is not in this line; it may be in another one.
        Value* find(const WordKey& key) {
            if (first.key == key) [[likely]]
                return &first.value;
            return second.key == key ? &second.value : nullptr;
        }
    };

    // Finds the line of a word without reading the table's fields, as long as the table does not
    // grow.
    class Lines {
      public:
        explicit Lines(const ShortWordTable& table)
            : lines_(table.lines_), shift_(table.shift_), factors_(word_hash_factors) {}

        Line* any() const { return lines_; }
        Line* of(const WordKey& key) const { return lines_ + (key.hash(factors_) >> shift_); }

      private:
        Line* lines_;
        unsigned shift_;
        WordHashFactors factors_;
    };

    // Whether `lines` still belongs to the table's present memory.
    bool is_current(const Lines& lines) const { return lines.any() == lines_; }

    // The value of a word, null if it is absent; valid until the next insertion.
    Value* find(const WordKey& key) const {
        for (Entry* entry = first_entry(key); entry->key.tail != 0; entry = after(entry)) {
            if (entry->key == key) return &entry->value;
        }
        return nullptr;
    }

    // Inserts an absent word.
    Value& insert(const WordKey& key, const Value& value) {
        if (is_full()) grow();
        ++size_;
        Entry* entry = first_entry(key);
        while (entry->key.tail != 0) entry = after(entry);
        *entry = {key, value};
        return entry->value;
    }

    // Drops all words and keeps the memory.
    void clear() {
        memory_.clear();
        size_ = 0;
    }

    // Calls `visit(const WordKey&, Value&)` for each word, in no particular order.
    template <typename Visit>
    void for_each(Visit&& visit) const {
        for (Entry* entry = entries(); entry != entries() + n_entries(); ++entry) {
            if (entry->key.tail != 0) visit(entry->key, entry->value);
        }
    }

  private:
    static_assert(sizeof(Line) == 64);

    void lay_out() {
        lines_ = static_cast<Line*>(memory_.data());
        shift_ = 64 - static_cast<unsigned>(std::countr_zero(n_bytes() / sizeof(Line)));
    }

    Entry* entries() const { return &lines_->first; }
    std::size_t n_entries() const { return n_bytes() / sizeof(Entry); }
    Entry* first_entry(const WordKey& key) const { return &Lines(*this).of(key)->first; }

    // The next entry of the probe, line by line, wrapping around.
    Entry* after(Entry* entry) const {
        return ++entry == entries() + n_entries() ? entries() : entry;
    }

    void grow() {
        ShortWordTable larger(2 * n_bytes());
        for_each([&](const WordKey& key, const Value& value) { larger.insert(key, value); });
        *this = std::move(larger);
    }

    ZeroedMemory memory_;  // a power of two, at most half of it taken
    Line* lines_ = nullptr;
    unsigned shift_ = 0;
    std::size_t size_ = 0;
};

}  // namespace paribus::bpe
