// A table from pairs of tokens to 32-bit numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpe/hash.h"
#include "bpe/types.h"

namespace paribus::bpe {

// Open addressing with linear probing; the numbers lie below `absent`.
class PairTable {
  public:
    PairTable() : slots_(1024) {}

    // The number of a pair, `absent` where it is not there.
    std::uint32_t find(Id left, Id right) const {
        return slots_[place_of(key_of(left, right))].number;
    }

    // The number of a pair; a new pair takes `number`.
    std::uint32_t find_or_insert(Id left, Id right, std::uint32_t number) {
        std::size_t place = place_of(key_of(left, right));
        if (slots_[place].number != absent) return slots_[place].number;
        if (2 * (size_ + 1) > slots_.size()) {
            grow();
            place = place_of(key_of(left, right));
        }
        slots_[place] = {key_of(left, right), number};
        ++size_;
        return number;
    }

    std::size_t size() const { return size_; }

  private:
    struct Slot {
        std::uint64_t key = 0;
        std::uint32_t number = absent;  // absent: free
    };

    static std::uint64_t key_of(Id left, Id right) { return std::uint64_t{left} << 32 | right; }

    std::size_t place_of(std::uint64_t key) const {
        const std::size_t mask = slots_.size() - 1;
        std::size_t place = mixed(key) & mask;
        while (slots_[place].number != absent && slots_[place].key != key) {
            place = (place + 1) & mask;
        }
        return place;
    }

    void grow() {
        std::vector<Slot> old(2 * slots_.size());
        slots_.swap(old);
        for (const Slot& slot : old) {
            if (slot.number != absent) slots_[place_of(slot.key)] = slot;
        }
    }

    std::vector<Slot> slots_;  // a power of two, at most half of them taken
    std::size_t size_ = 0;
};

}  // namespace paribus::bpe
