// A hint that memory is read soon.
#pragma once

namespace paribus::bpe {

#if defined(__GNUC__) || defined(__clang__)
// Always inline: GCC drops calls of a function that does nothing but this. Call it in a loop that
// does more, for the same reason.
[[gnu::always_inline]] inline void prefetch(const void* memory) { __builtin_prefetch(memory); }
#else
inline void prefetch(const void*) {}
#endif

}  // namespace paribus::bpe
