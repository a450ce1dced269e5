// A hash table for words that are too long for a key in registers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bpe/types.h"

namespace paribus::bpe {

// Each word, its items and what is needed to compare it stand together in one row of memory.
// A word has at least one item.
template <typename Item>
class LongWordTable {
  public:
    LongWordTable() : slots_(least_slots, free_slot) {}

    std::size_t size() const { return size_; }
    std::size_t n_bytes() const { return slots_.size() * sizeof(Slot) + records_.size(); }

    // Memory that a lookup of the hash reads, to be fetched ahead.
    const void* place_of(std::uint64_t hash) const { return &slots_[first_slot(hash)]; }

    // The items of a word, empty if it is absent; valid until the next insertion.
    std::span<Item> find(std::string_view word, std::uint64_t hash) {
        for (std::size_t at = first_slot(hash); slots_[at] != free_slot; at = after(at)) {
            if (tag_of(slots_[at]) != tag_of(hash)) continue;
            const std::size_t begin = record_of(slots_[at]);
            if (word_at(begin) == word) return items_at(begin);
        }
        return {};
    }

    // Inserts an absent word and returns its items, which are zero.
    std::span<Item> insert(std::string_view word, std::uint64_t hash, std::size_t n_items) {
        if (2 * (size_ + 1) > slots_.size()) grow();
        ++size_;
        const std::size_t begin = records_.size();
        take_slot(hash, begin);
        const Record record{hash, word.size(), n_items};
        const std::size_t end = sizeof record + n_items * sizeof(Item) + word.size();
        records_.resize(begin + aligned(end));
        std::memcpy(&records_[begin], &record, sizeof record);
        std::copy(word.begin(), word.end(), &records_[begin + end - word.size()]);
        return items_at(begin);
    }

    // Calls `visit(std::string_view word, const Item& first_item)` for each word, in order of
    // insertion.
    template <typename Visit>
    void for_each(Visit&& visit) const {
        for (std::size_t begin = 0; begin < records_.size();) {
            const std::string_view word = word_at(begin);
            visit(word, *reinterpret_cast<const Item*>(&records_[begin] + sizeof(Record)));
            const auto end = static_cast<std::size_t>(word.data() + word.size() - records_.data());
            begin = aligned(end);
        }
    }

    void clear() {
        slots_.assign(least_slots, free_slot);
        records_.clear();
        size_ = 0;
    }

  private:
    // The upper 24 bits of a hash, and the number of 8 bytes at which a record begins.
    using Slot = std::uint64_t;
    // The items follow, then the bytes of the word.
    struct Record {
        std::uint64_t hash;
        std::uint64_t n_bytes;
        std::uint64_t n_items;
    };
    static constexpr std::size_t least_slots = 64;
    static constexpr std::size_t alignment = alignof(Record);
    static constexpr unsigned place_bits = 40;
    static constexpr Slot places = (Slot{1} << place_bits) - 1;
    static constexpr Slot free_slot = ~Slot{0};
    static_assert(alignof(Item) <= alignment && std::is_trivially_copyable_v<Item>);

    static std::size_t aligned(std::size_t n) {
        return (n + alignment - 1) / alignment * alignment;
    }
    static std::uint64_t tag_of(std::uint64_t hash) { return hash >> place_bits; }
    static std::size_t record_of(Slot slot) { return (slot & places) * alignment; }

    // The lowest bit of a hash says nothing: see `WordKey::of_long_word`.
    std::size_t first_slot(std::uint64_t hash) const { return hash >> 1 & (slots_.size() - 1); }
    std::size_t after(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }

    Record record_at(std::size_t begin) const {
        Record record;
        std::memcpy(&record, &records_[begin], sizeof record);
        return record;
    }
    std::span<Item> items_at(std::size_t begin) {
        return {reinterpret_cast<Item*>(&records_[begin] + sizeof(Record)),
                record_at(begin).n_items};
    }
    std::string_view word_at(std::size_t begin) const {
        const Record record = record_at(begin);
        return {&records_[begin] + sizeof record + record.n_items * sizeof(Item), record.n_bytes};
    }

    void take_slot(std::uint64_t hash, std::size_t begin) {
        std::size_t at = first_slot(hash);
        while (slots_[at] != free_slot) at = after(at);
        slots_[at] = tag_of(hash) << place_bits | begin / alignment;
    }

    void grow() {
        std::vector<Slot> old(2 * slots_.size(), free_slot);
        slots_.swap(old);
        for (const Slot slot : old) {
            if (slot == free_slot) continue;
            take_slot(record_at(record_of(slot)).hash, record_of(slot));
        }
    }

    std::vector<Slot> slots_;  // a power of two, at most half of them taken
    std::vector<char> records_;
    std::size_t size_ = 0;
};

}  // namespace paribus::bpe
