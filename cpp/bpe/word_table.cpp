#include "bpe/word_table.h"

#include <cstring>
#include <limits>
#include <stdexcept>

namespace bpe {
namespace {

constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: spreads the low bits

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * odd;
    return hash ^ (hash >> 32);
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
    std::uint64_t hash = bytes.size() * odd;
    const char* data = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, data += 8) {
        std::uint64_t word;
        std::memcpy(&word, data, 8);
        hash = mix(hash, word);
    }
    std::uint64_t tail = 0;
    if (left > 0) std::memcpy(&tail, data, left);
    return mix(mix(hash, tail), odd);
}

std::size_t WordTable::slot_of(std::string_view word, std::uint64_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = hash & mask;
    while (slots_[slot] != 0) {
        const Entry& entry = entries_[slots_[slot] - 1];
        if (entry.hash == hash && this->word(entry) == word) break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

const WordTable::Entry* WordTable::find(std::string_view word, std::uint64_t hash) const {
    if (slots_.empty()) return nullptr;
    const std::uint32_t index = slots_[slot_of(word, hash)];
    return index == 0 ? nullptr : &entries_[index - 1];
}

WordTable::Entry& WordTable::entry(std::string_view word, std::uint64_t hash) {
    if (2 * (entries_.size() + 1) > slots_.size()) grow();
    const std::size_t slot = slot_of(word, hash);
    if (slots_[slot] == 0) {
        if (entries_.size() >= std::numeric_limits<std::uint32_t>::max()) {
            throw std::length_error("more than 2^32 - 1 distinct words");
        }
        const std::size_t offset = bytes_.size();
        bytes_.append(word);
        entries_.push_back({hash, offset, word.size(), 0});
        slots_[slot] = static_cast<std::uint32_t>(entries_.size());
    }
    return entries_[slots_[slot] - 1];
}

std::size_t WordTable::memory() const {
    return slots_.capacity() * sizeof(slots_[0]) + entries_.capacity() * sizeof(Entry) +
           bytes_.capacity();
}

void WordTable::clear() { *this = WordTable(); }

void WordTable::grow() {
    std::vector<std::uint32_t> slots(slots_.empty() ? 256 : 2 * slots_.size(), 0);
    const std::size_t mask = slots.size() - 1;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        std::size_t slot = entries_[i].hash & mask;
        while (slots[slot] != 0) slot = (slot + 1) & mask;
        slots[slot] = static_cast<std::uint32_t>(i + 1);
    }
    slots_ = std::move(slots);
}

}  // namespace bpe
