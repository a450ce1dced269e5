// Zeroed memory for large tables, in big pages where the system has them.
#pragma once

#include <cstddef>
#include <memory>

namespace paribus::bpe {

// Begins at a multiple of 64 bytes, a cache line. Large memory comes from the system and goes back
// to it as soon as it is freed.
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

// Asks for big pages for what of this memory can have them: before it is touched, later that has no
// effect. A refusal costs speed only.
void ask_for_big_pages(void* memory, std::size_t n_bytes);

}  // namespace paribus::bpe
