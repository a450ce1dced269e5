// A hint that memory will be read soon.
#pragma once

#include <cstdint>

namespace paribus::bpe {

#if defined(__GNUC__) || defined(__clang__)
// Always inlined, because GCC drops calls of a function that does nothing else. For the same
// reason, call it in a loop that does more.
[[gnu::always_inline]] inline void prefetch(const void* memory) { __builtin_prefetch(memory); }
// The same for an address that may lie outside the memory of any object, which a pointer must not.
[[gnu::always_inline]] inline void prefetch_at(std::uintptr_t address) {
    __builtin_prefetch(reinterpret_cast<const void*>(address));
}
#else
inline void prefetch(const void*) {}
inline void prefetch_at(std::uintptr_t) {}
#endif

}  // namespace paribus::bpe
