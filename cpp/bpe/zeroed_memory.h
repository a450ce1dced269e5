// Zeroed memory for large tables, in big pages if the system has them.
#pragma once

#include <cstddef>
#include <memory>

namespace paribus::bpe {

// Begins at a multiple of 64 bytes, the size of a cache line. Large memory comes directly from the
// system, and returns to it as soon as it is freed.
class ZeroedMemory {
  public:
    explicit ZeroedMemory(std::size_t n_bytes);

    void* data() const { return memory_.get(); }
    std::size_t size() const { return memory_.get_deleter().n_bytes; }
    void clear();

  private:
    struct Free {
        std::size_t n_bytes;
        void operator()(void* memory) const;
    };

    std::unique_ptr<void, Free> memory_;
};

// Asks the system to use big pages for this memory. Call it before the memory is first touched;
// later it has no effect. A refusal only costs speed.
void ask_for_big_pages(void* memory, std::size_t n_bytes);

}  // namespace paribus::bpe
