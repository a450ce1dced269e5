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

#if defined(__linux__)

// The allocator would keep the memory that a growing table leaves behind, and would clear pages
// that are already zero.
bool is_mapped(std::size_t n_bytes) { return n_bytes >= big_page; }

void* mapped(std::size_t n_bytes) {
    // One big page more, so that the memory can begin on a big-page boundary.
    const std::size_t n_mapped = n_bytes + big_page;
    void* const mapping =
        mmap(nullptr, n_mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) throw std::bad_alloc();
    char* const begin = static_cast<char*>(mapping);
    const std::size_t before = -reinterpret_cast<std::uintptr_t>(begin) % big_page;
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t end = before + (n_bytes + page - 1) / page * page;
    if (before != 0) munmap(begin, before);
    if (end < n_mapped) munmap(begin + end, n_mapped - end);
    return begin + before;
}

void unmap(void* memory, std::size_t n_bytes) { munmap(memory, n_bytes); }

#else

bool is_mapped(std::size_t) { return false; }
void* mapped(std::size_t) { throw std::bad_alloc(); }
void unmap(void*, std::size_t) {}

#endif

void* allocated(std::size_t n_bytes) {
    return std::memset(::operator new(n_bytes, std::align_val_t{cache_line}), 0, n_bytes);
}

}  // namespace

ZeroedMemory::ZeroedMemory(std::size_t n_bytes)
    : memory_(is_mapped(n_bytes) ? mapped(n_bytes) : allocated(n_bytes), {n_bytes}) {
    ask_for_big_pages(memory_.get(), n_bytes);
}

void ZeroedMemory::clear() { std::memset(memory_.get(), 0, size()); }

void ask_for_big_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t n_bytes) {
#if defined(MADV_HUGEPAGE)
    if (n_bytes < big_page) return;
    // Extended to the boundaries of its small pages. Otherwise the system would treat the big pages
    // as a separate mapping, and `realloc` copies memory that is not a single mapping.
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const std::size_t before = begin % page;
    const std::size_t size = (before + n_bytes + page - 1) / page * page;
    static_cast<void>(madvise(static_cast<char*>(memory) - before, size, MADV_HUGEPAGE));
#endif
}

void ZeroedMemory::Free::operator()(void* memory) const {
    if (is_mapped(n_bytes)) {
        unmap(memory, n_bytes);
    } else {
        ::operator delete(memory, std::align_val_t{cache_line});
    }
}

}  // namespace paribus::bpe
