#include "bpe/zeroed_memory.h"

#include <cstdint>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace paribus::bpe {
namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t big_page = std::size_t{2} << 20;

}  // namespace

ZeroedMemory::ZeroedMemory(std::size_t n_bytes)
    : n_bytes_(n_bytes), memory_(nullptr, {n_bytes >= big_page ? big_page : cache_line}) {
    const std::size_t alignment = memory_.get_deleter().alignment;
    memory_.reset(::operator new(n_bytes, std::align_val_t{alignment}));
    ask_for_big_pages(memory_.get(), n_bytes);
    clear();
}

void ZeroedMemory::clear() { std::memset(memory_.get(), 0, n_bytes_); }

void ask_for_big_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t n_bytes) {
#if defined(MADV_HUGEPAGE)
    if (n_bytes < big_page) return;
    // Up to the borders of its small pages. The system would count the big pages among them as a
    // mapping of its own, and `realloc` copies what is not one mapping.
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const std::size_t before = begin % page;
    const std::size_t size = (before + n_bytes + page - 1) / page * page;
    static_cast<void>(madvise(static_cast<char*>(memory) - before, size, MADV_HUGEPAGE));
#endif
}

void ZeroedMemory::Free::operator()(void* memory) const {
    ::operator delete(memory, std::align_val_t{alignment});
}

}  // namespace paribus::bpe
