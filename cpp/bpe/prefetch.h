// A hint that memory is read soon.
#pragma once

namespace paribus::bpe {

inline void prefetch([[maybe_unused]] const void* memory) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(memory);
#endif
}

}  // namespace paribus::bpe
