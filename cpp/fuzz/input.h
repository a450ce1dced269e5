// Reads choices from the front of a fuzzer's input; the rest is text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "bpe/types.h"

namespace paribus::fuzz {

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    // A number below `limit`, at most 256; 0 at the end of the input.
    std::size_t below(std::size_t limit) {
        if (rest_.empty()) return 0;
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return byte % limit;
    }

    bpe::Pattern pattern() { return static_cast<bpe::Pattern>(below(4)); }

    std::string_view text(std::size_t longest) const { return rest_.substr(0, longest); }

  private:
    std::string_view rest_;
};

// Aborts the program if a law does not hold; the engine then keeps the input.
inline void require(bool holds, const char* law) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", law);
    std::abort();
}

}  // namespace paribus::fuzz
