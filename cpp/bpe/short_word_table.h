// A table from short words to values of 16 bytes, made for lookups in batches.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "bpe/word_key.h"
#include "bpe/zeroed_memory.h"

namespace paribus::bpe {

// Open addressing by cache lines of two entries: nearly every lookup touches one line, which a
// caller that has computed the hashes of a batch can fetch ahead.
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

    // Whether one more word makes it take twice its memory.
    bool is_full() const { return 2 * size_ >= n_bytes() / sizeof(Entry); }

    // Memory that a lookup of the hash reads, to be fetched ahead.
    const void* place_of(std::uint64_t hash) const { return line_of(hash); }

    // Reads the table while no word comes, without a reload of its fields at each lookup.
    class Reader {
      public:
        explicit Reader(const ShortWordTable& table)
            : entries_(table.entries_), shift_(table.shift_) {}

        // The value of a word, null where it is not in its first line: it may be in another one.
        Value* find_near(const WordKey& key, std::uint64_t hash) const {
            Entry* entry = entries_ + 2 * (hash >> shift_);
            if (entry->key == key) [[likely]]
                return &entry->value;
            if (entry[1].key == key) return &entry[1].value;
            return nullptr;
        }

      private:
        Entry* entries_;
        unsigned shift_;
    };

    // The value of a word, null where it is not there; until the next word comes.
    Value* find(const WordKey& key, std::uint64_t hash) const {
        for (Entry* entry = line_of(hash); entry->key.tail != 0; entry = after(entry)) {
            if (entry->key == key) return &entry->value;
        }
        return nullptr;
    }

    // The value of a word that is not there yet.
    Value& insert(const WordKey& key, std::uint64_t hash, const Value& value) {
        if (is_full()) grow();
        ++size_;
        Entry& entry = *free_entry(hash);
        entry = {key, value};
        return entry.value;
    }

    // Drops all words, keeps the memory.
    void clear() {
        memory_.clear();
        size_ = 0;
    }

    // Calls `visit(const WordKey&, Value&)` for each word, in no order of meaning.
    template <typename Visit>
    void for_each(Visit&& visit) const {
        for (Entry* entry = entries_; entry != entries_ + n_bytes() / sizeof(Entry); ++entry) {
            if (entry->key.tail != 0) visit(entry->key, entry->value);
        }
    }

  private:
    void lay_out() {
        entries_ = static_cast<Entry*>(memory_.data());
        shift_ = 64 - static_cast<unsigned>(std::countr_zero(n_bytes() / line_bytes));
    }

    Entry* line_of(std::uint64_t hash) const { return entries_ + 2 * (hash >> shift_); }

    // The next entry of the probe, from line to line and round.
    Entry* after(Entry* entry) const {
        return ++entry == entries_ + n_bytes() / sizeof(Entry) ? entries_ : entry;
    }

    Entry* free_entry(std::uint64_t hash) const {
        Entry* entry = line_of(hash);
        while (entry->key.tail != 0) entry = after(entry);
        return entry;
    }

    void grow() {
        ShortWordTable larger(2 * n_bytes());
        for_each(
            [&](const WordKey& key, const Value& value) { larger.insert(key, key.hash(), value); });
        *this = std::move(larger);
    }

    static constexpr std::size_t line_bytes = 64;

    ZeroedMemory memory_;  // a power of two, at most half of it taken
    Entry* entries_ = nullptr;
    unsigned shift_ = 0;
    std::size_t size_ = 0;
};

}  // namespace paribus::bpe
