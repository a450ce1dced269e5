// A table from byte strings to 64-bit values, keyed by the bytes themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace paribus::bpe {

// Open addressing with linear probing. Words of up to 16 bytes stand in the slot, longer ones in
// one shared string. A word that is not there has the value 0, and so has a new one.
class WordTable {
  public:
    WordTable();

    // The value of a word that is not empty, for reading and writing until the next call.
    std::uint64_t& operator[](std::string_view word);

    // The value of a word, 0 where it is not there.
    std::uint64_t find(std::string_view word) const;

    // How many words it holds.
    std::size_t size() const { return size_; }

    // Bytes that its storage takes.
    std::size_t n_bytes() const {
        return slots_.capacity() * sizeof(Slot) + long_words_.capacity();
    }

    // Drops all words, keeps the storage.
    void clear();

    // Calls `visit(std::string_view word, std::uint64_t value)` for each word, in no order of
    // meaning.
    template <typename Visit>
    void for_each(Visit&& visit) const {
        for (const Slot& slot : slots_) {
            if (slot.length != 0) visit(word_of(slot), slot.value);
        }
    }

  private:
    // What is compared: the bytes of a short word, zeros behind it; else a hash of all bytes.
    struct Key {
        std::uint64_t head;
        std::uint64_t
            tail;  // of a long word 0 in a key, where it begins in `long_words_` in a slot
    };
    struct Slot {
        Key key;
        std::uint64_t length;  // 0: free
        std::uint64_t value;
    };

    static Key key_of(std::string_view word);
    static std::uint64_t hash_of(const Key& key, std::size_t length);
    std::string_view word_of(const Slot& slot) const;
    bool holds(const Slot& slot, const Key& key, std::string_view word) const;
    std::size_t place_of(const Key& key, std::string_view word) const;
    void grow();

    std::vector<Slot> slots_;  // a power of two, at most half of them taken
    std::string long_words_;
    std::size_t size_ = 0;
};

}  // namespace paribus::bpe
