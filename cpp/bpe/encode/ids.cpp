#include "bpe/encode/ids.h"

#include <cstring>
#include <limits>

#include "bpe/zeroed_memory.h"

namespace paribus::bpe {

void Ids::append(const Ids& other) {
    if (other.size_ == 0) return;
    reserve(size_ + other.size_);
    std::memcpy(static_cast<char*>(memory_.get()) + size_ * width_, other.memory_.get(),
                other.size_ * width_);
    size_ += other.size_;
}

void Ids::resize_memory(std::size_t n_ids) {
    if (n_ids > std::numeric_limits<std::size_t>::max() / width_) throw std::bad_alloc();
    void* const memory = std::realloc(memory_.get(), n_ids * width_);
    if (memory == nullptr) throw std::bad_alloc();
    static_cast<void>(memory_.release());
    memory_.reset(memory);
    if (n_ids > capacity_) ask_for_big_pages(memory, n_ids * width_);
    capacity_ = n_ids;
}

}  // namespace paribus::bpe
