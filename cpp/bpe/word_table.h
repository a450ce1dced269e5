// A map from byte strings to a number, open addressing, the bytes kept in one buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bpe {

// 64-bit hash of bytes; used only to find a slot, never to decide an order.
std::uint64_t hash_bytes(std::string_view bytes);

class WordTable {
  public:
    struct Entry {
        std::uint64_t hash;
        std::uint64_t offset;  // of the word in the buffer
        std::uint64_t length;
        std::uint64_t value;
    };

    // The value of `word`, 0 when it is new. The reference holds until the next call.
    std::uint64_t& operator[](std::string_view word) { return entry(word, hash_bytes(word)).value; }

    // The entry of `word`, or null.
    const Entry* find(std::string_view word, std::uint64_t hash) const;
    Entry& entry(std::string_view word, std::uint64_t hash);

    std::string_view word(const Entry& entry) const {
        return std::string_view(bytes_).substr(entry.offset, entry.length);
    }
    const std::vector<Entry>& entries() const { return entries_; }  // in order of insertion
    std::size_t memory() const;
    void clear();

  private:
    std::size_t slot_of(std::string_view word, std::uint64_t hash) const;
    void grow();

    std::vector<std::uint32_t> slots_;  // index of an entry + 1; 0 is free; a power of two long
    std::vector<Entry> entries_;
    std::string bytes_;
};

}  // namespace bpe
