// Remembers the ids of words too long for a key in registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bpe/types.h"

namespace paribus::bpe {

// A hash of all bytes of a word.
std::uint64_t hash_of_bytes(std::string_view word);

// Its owner keeps it below 4 GiB.
class LongWordCache {
  public:
    LongWordCache() : slots_(least_slots) {}

    std::size_t n_bytes() const {
        return slots_.size() * sizeof(Slot) + records_.size() * sizeof(Record) + words_.size() +
               ids_.size() * sizeof(Id);
    }

    // Memory that a lookup of the hash reads, to be fetched ahead.
    const void* place_of(std::uint64_t hash) const { return &slots_[slot_of(hash)]; }

    // The ids of a word, none where it is not known.
    std::span<const Id> find(std::string_view word, std::uint64_t hash) const;

    // Remembers a word that is not known.
    void insert(std::string_view word, std::uint64_t hash, std::span<const Id> ids);

    void clear();

  private:
    struct Slot {
        std::uint32_t tag = 0;          // the upper half of the hash
        std::uint32_t record = absent;  // absent: free
    };
    struct Record {
        std::uint64_t hash;
        std::uint32_t word_begin;
        std::uint32_t length;
        std::uint32_t ids_begin;
        std::uint32_t n_ids;
    };
    static constexpr std::size_t least_slots = 64;

    std::size_t slot_of(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
    void take_place(std::uint32_t record);
    void grow();

    std::vector<Slot> slots_;  // a power of two, at most half of them taken
    std::vector<Record> records_;
    std::string words_;
    std::vector<Id> ids_;
};

}  // namespace paribus::bpe
