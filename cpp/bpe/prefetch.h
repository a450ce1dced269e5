// A hint that memory is read soon.
#pragma once

#include <cstdint>

namespace paribus::bpe {

#if defined(__GNUC__) || defined(__clang__)
// Always inline: GCC drops calls of a function that does nothing but this. Call it in a loop that
// does more, for the same reason.
[[gnu::always_inline]] inline void prefetch(const void* memory) { __builtin_prefetch(memory); }
// The same at an address that may lie outside of what is there, where a pointer must not.
[[gnu::always_inline]] inline void prefetch_at(std::uintptr_t address) {
    __builtin_prefetch(reinterpret_cast<const void*>(address));
}
#else
inline void prefetch(const void*) {}
inline void prefetch_at(std::uintptr_t) {}
#endif

}  // namespace paribus::bpe
