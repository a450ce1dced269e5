#include "bpe/word_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "bpe/hash.h"

namespace paribus::bpe {
namespace {

constexpr std::size_t longest_short_word = 16;
constexpr std::size_t first_capacity = 256;
constexpr std::uint64_t odd_constant = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio

std::uint64_t load_64(const char* bytes) {
    std::uint64_t value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

std::uint64_t load_32(const char* bytes) {
    std::uint32_t value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

// Up to 8 bytes, zeros behind them. The loads of fixed size overlap; they agree where they do.
std::uint64_t load_up_to_8(const char* bytes, std::size_t n_bytes) {
    if constexpr (std::endian::native == std::endian::little) {
        if (n_bytes >= 8) return load_64(bytes);
        if (n_bytes >= 4) {
            return load_32(bytes) | load_32(bytes + n_bytes - 4) << (8 * (n_bytes - 4));
        }
    }
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, std::min<std::size_t>(n_bytes, 8));
    return value;
}

std::uint64_t hash_of_bytes(std::string_view bytes) {
    std::uint64_t hash = bytes.size();
    std::size_t at = 0;
    for (; bytes.size() - at > 8; at += 8) hash = mixed(hash ^ load_up_to_8(&bytes[at], 8));
    return mixed(hash ^ load_up_to_8(&bytes[at], bytes.size() - at));
}

}  // namespace

WordTable::WordTable() : slots_(first_capacity) {}

std::uint64_t& WordTable::operator[](std::string_view word) {
    const Key key = key_of(word);
    std::size_t place = place_of(key, word);
    if (slots_[place].length != 0) return slots_[place].value;
    if (2 * (size_ + 1) > slots_.size()) {
        grow();
        place = place_of(key, word);
    }
    Key stored = key;
    if (word.size() > longest_short_word) {
        stored.tail = long_words_.size();
        long_words_.append(word);
    }
    slots_[place] = {stored, word.size(), 0};
    ++size_;
    return slots_[place].value;
}

std::uint64_t WordTable::find(std::string_view word) const {
    return slots_[place_of(key_of(word), word)].value;
}

void WordTable::clear() {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    long_words_.clear();
    size_ = 0;
}

WordTable::Key WordTable::key_of(std::string_view word) {
    if (word.size() > longest_short_word) return {hash_of_bytes(word), 0};
    if (word.size() <= 8) return {load_up_to_8(word.data(), word.size()), 0};
    return {load_64(word.data()), load_up_to_8(word.data() + 8, word.size() - 8)};
}

std::uint64_t WordTable::hash_of(const Key& key, std::size_t length) {
    if (length > longest_short_word) return key.head;
    const std::uint64_t hash = (key.head ^ std::rotl(key.tail ^ length << 56, 29)) * odd_constant;
    return hash ^ hash >> 32;
}

std::string_view WordTable::word_of(const Slot& slot) const {
    if (slot.length > longest_short_word) {
        return std::string_view(long_words_).substr(slot.key.tail, slot.length);
    }
    return {reinterpret_cast<const char*>(&slot.key), slot.length};
}

bool WordTable::holds(const Slot& slot, const Key& key, std::string_view word) const {
    if (slot.key.head != key.head || slot.length != word.size()) return false;
    return word.size() > longest_short_word ? word_of(slot) == word : slot.key.tail == key.tail;
}

std::size_t WordTable::place_of(const Key& key, std::string_view word) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t place = hash_of(key, word.size()) & mask;
    while (slots_[place].length != 0 && !holds(slots_[place], key, word))
        place = (place + 1) & mask;
    return place;
}

void WordTable::grow() {
    std::vector<Slot> larger(2 * slots_.size());
    const std::size_t mask = larger.size() - 1;
    for (const Slot& slot : slots_) {
        if (slot.length == 0) continue;
        std::size_t place = hash_of(slot.key, slot.length) & mask;
        while (larger[place].length != 0) place = (place + 1) & mask;
        larger[place] = slot;
    }
    slots_.swap(larger);
}

}  // namespace paribus::bpe
