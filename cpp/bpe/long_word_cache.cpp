#include "bpe/long_word_cache.h"

#include "bpe/hash.h"

namespace paribus::bpe {
namespace {

std::uint64_t load_64(const char* bytes) {
    std::uint64_t value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

}  // namespace

std::uint64_t hash_of_bytes(std::string_view word) {
    std::uint64_t hash = word.size();
    const char* const last = word.data() + word.size() - sizeof hash;
    for (const char* bytes = word.data(); bytes < last; bytes += sizeof hash) {
        hash = (hash ^ load_64(bytes)) * 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
        hash ^= hash >> 32;
    }
    return mixed(hash ^ load_64(last));  // its first bytes once more where they are no multiple
}

}  // namespace paribus::bpe
