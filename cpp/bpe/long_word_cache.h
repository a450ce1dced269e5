// Remembers the ids of words too long for a key in registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "bpe/types.h"

namespace paribus::bpe {

// A hash of all bytes of a word of more than 8.
std::uint64_t hash_of_bytes(std::string_view word);

// Each word, its ids and what is needed to compare it stand together in one row of memory. Its
// owner keeps it below 4 GiB.
template <typename Token>
class LongWordCache {
  public:
    LongWordCache() : slots_(least_slots) {}

    std::size_t n_bytes() const { return slots_.size() * sizeof(Slot) + records_.size(); }

    // Memory that a lookup of the hash reads, to be fetched ahead.
    const void* place_of(std::uint64_t hash) const { return &slots_[slot_of(hash)]; }

    // The ids of a word, none where it is not known; until the next insertion.
    std::span<const Token> find(std::string_view word, std::uint64_t hash) const {
        for (std::size_t slot = slot_of(hash); slots_[slot].record != absent;
             slot = slot_of(slot + 1)) {
            if (slots_[slot].tag != tag_of(hash)) continue;
            const char* const bytes = records_.data() + slots_[slot].record;
            const Record record = record_at(bytes);
            if (record.n_bytes != word.size()) continue;
            const char* const ids = bytes + sizeof record;
            if (std::memcmp(ids + record.n_ids * sizeof(Token), word.data(), word.size()) != 0) {
                continue;
            }
            return {reinterpret_cast<const Token*>(ids), record.n_ids};
        }
        return {};
    }

    // Remembers a word that is not known.
    void insert(std::string_view word, std::uint64_t hash, std::span<const Id> ids) {
        if (2 * (size_ + 1) > slots_.size()) grow();
        ++size_;
        take_slot(hash, static_cast<std::uint32_t>(records_.size()));
        const Record record{hash, static_cast<std::uint32_t>(word.size()),
                            static_cast<std::uint32_t>(ids.size())};
        append(&record, sizeof record);
        for (const Id id : ids) {
            const auto token = static_cast<Token>(id);
            append(&token, sizeof token);
        }
        append(word.data(), word.size());
        records_.resize((records_.size() + alignment - 1) / alignment * alignment);
    }

    void clear() {
        slots_.assign(least_slots, Slot{});
        records_.clear();
        size_ = 0;
    }

  private:
    struct Slot {
        std::uint32_t tag = 0;          // the upper half of the hash
        std::uint32_t record = absent;  // where it begins; absent: free
    };
    // The ids follow, then the bytes of the word.
    struct Record {
        std::uint64_t hash;
        std::uint32_t n_bytes;
        std::uint32_t n_ids;
    };
    static constexpr std::size_t least_slots = 64;
    static constexpr std::size_t alignment = alignof(Record);

    static std::uint32_t tag_of(std::uint64_t hash) {
        return static_cast<std::uint32_t>(hash >> 32);
    }
    static Record record_at(const char* bytes) {
        Record record;
        std::memcpy(&record, bytes, sizeof record);
        return record;
    }
    std::size_t slot_of(std::uint64_t hash) const { return hash & (slots_.size() - 1); }

    void append(const void* data, std::size_t n_bytes) {
        const auto* bytes = static_cast<const char*>(data);
        records_.insert(records_.end(), bytes, bytes + n_bytes);
    }

    void take_slot(std::uint64_t hash, std::uint32_t record) {
        std::size_t slot = slot_of(hash);
        while (slots_[slot].record != absent) slot = slot_of(slot + 1);
        slots_[slot] = {tag_of(hash), record};
    }

    void grow() {
        std::vector<Slot> old(2 * slots_.size());
        slots_.swap(old);
        for (const Slot& slot : old) {
            if (slot.record == absent) continue;
            take_slot(record_at(records_.data() + slot.record).hash, slot.record);
        }
    }

    std::vector<Slot> slots_;  // a power of two, at most half of them taken
    std::vector<char> records_;
    std::size_t size_ = 0;
};

}  // namespace paribus::bpe
