// A growable array of 16-bit or 32-bit ids. Its memory grows without a copy if the system supports
// that.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "bpe/types.h"

namespace paribus::bpe {

class Ids {
  public:
    // `width` is the number of bytes of an id: 2 or 4.
    explicit Ids(std::size_t width) : width_(width) {}

    std::size_t width() const { return width_; }
    std::size_t size() const { return size_; }
    const void* data() const { return memory_.get(); }

    Id operator[](std::size_t place) const {
        return width_ == sizeof(std::uint16_t) ? as<std::uint16_t>()[place] : as<Id>()[place];
    }

    template <typename StoredId>
    const StoredId* as() const {
        return static_cast<const StoredId*>(data());
    }

    // Returns where the next id goes, with room for `n_more`. Ids written there count once
    // `set_end` is called.
    template <typename StoredId>
    StoredId* end_with_room(std::size_t n_more) {
        reserve(size_ + n_more);
        return static_cast<StoredId*>(memory_.get()) + size_;
    }

    template <typename StoredId>
    void set_end(const StoredId* end) {
        size_ = static_cast<std::size_t>(end - as<StoredId>());
    }

    void push_back(Id id) {
        reserve(size_ + 1);
        if (width_ == sizeof(std::uint16_t)) {
            static_cast<std::uint16_t*>(memory_.get())[size_++] = static_cast<std::uint16_t>(id);
        } else {
            static_cast<Id*>(memory_.get())[size_++] = id;
        }
    }

    void reserve(std::size_t n_ids) {
        if (n_ids > capacity_) resize_memory(std::max(n_ids, capacity_ + capacity_ / 2));
    }

    void append(const Ids& other);

    bool is_without_memory() const { return capacity_ == 0; }

    // Drops all ids and keeps the memory.
    void clear() { size_ = 0; }

    // Frees memory that is reserved but unused.
    void shrink() {
        if (size_ != 0 && size_ < capacity_) resize_memory(size_);
    }

    // Hands over the memory, to be freed with `std::free`; null if there is none.
    void* release() {
        size_ = capacity_ = 0;
        return memory_.release();
    }

    std::vector<Id> to_vector() const {
        std::vector<Id> ids(size_);
        for (std::size_t i = 0; i < size_; ++i) ids[i] = (*this)[i];
        return ids;
    }

  private:
    struct Free {
        void operator()(void* memory) const { std::free(memory); }
    };

    // `realloc` moves pages of large memory instead of copying them.
    void resize_memory(std::size_t n_ids);

    std::size_t width_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::unique_ptr<void, Free> memory_;
};

}  // namespace paribus::bpe
