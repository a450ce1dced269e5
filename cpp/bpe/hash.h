// Mixing of 64-bit keys for the open-addressing tables.
#pragma once

#include <cstdint>

namespace paribus::bpe {

// Spreads every bit of `key` over all bits (the finalizer of MurmurHash3, Appleby).
constexpr std::uint64_t mixed(std::uint64_t key) {
    key = (key ^ (key >> 33)) * 0xFF51AFD7ED558CCDULL;
    key = (key ^ (key >> 33)) * 0xC4CEB9FE1A85EC53ULL;
    return key ^ (key >> 33);
}

}  // namespace paribus::bpe
