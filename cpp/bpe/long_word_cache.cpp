#include "bpe/long_word_cache.h"

#include <cstring>

#include "bpe/hash.h"

namespace paribus::bpe {
namespace {

std::uint64_t load_up_to_8(const char* bytes, std::size_t n_bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, n_bytes);
    return value;
}

std::uint32_t upper_half(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

}  // namespace

std::uint64_t hash_of_bytes(std::string_view word) {
    std::uint64_t hash = word.size();
    for (; word.size() >= 8; word.remove_prefix(8)) {
        hash = (hash ^ load_up_to_8(word.data(), 8)) * 0x9E3779B97F4A7C15;
        hash ^= hash >> 32;
    }
    return mixed(hash ^ load_up_to_8(word.data(), word.size()));
}

std::span<const Id> LongWordCache::find(std::string_view word, std::uint64_t hash) const {
    for (std::size_t place = slot_of(hash); slots_[place].record != absent;
         place = slot_of(place + 1)) {
        if (slots_[place].tag != upper_half(hash)) continue;
        const Record& record = records_[slots_[place].record];
        if (std::string_view(words_).substr(record.word_begin, record.length) == word) {
            return std::span(ids_).subspan(record.ids_begin, record.n_ids);
        }
    }
    return {};
}

void LongWordCache::insert(std::string_view word, std::uint64_t hash, std::span<const Id> ids) {
    if (2 * (records_.size() + 1) > slots_.size()) grow();
    records_.push_back(
        {hash, static_cast<std::uint32_t>(words_.size()), static_cast<std::uint32_t>(word.size()),
         static_cast<std::uint32_t>(ids_.size()), static_cast<std::uint32_t>(ids.size())});
    words_.append(word);
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    take_place(static_cast<std::uint32_t>(records_.size() - 1));
}

void LongWordCache::clear() {
    slots_.assign(least_slots, Slot{});
    records_.clear();
    words_.clear();
    ids_.clear();
}

void LongWordCache::take_place(std::uint32_t record) {
    std::size_t place = slot_of(records_[record].hash);
    while (slots_[place].record != absent) place = slot_of(place + 1);
    slots_[place] = {upper_half(records_[record].hash), record};
}

void LongWordCache::grow() {
    slots_.assign(2 * slots_.size(), Slot{});
    for (std::uint32_t record = 0; record < records_.size(); ++record) take_place(record);
}

}  // namespace paribus::bpe
