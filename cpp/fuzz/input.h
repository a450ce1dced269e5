// Reads an input as choices first and text after them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    // A number below `n`, 0 where nothing is left.
    std::size_t below(std::size_t n) {
        if (rest_.empty()) return 0;
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return byte % n;
    }

    // What is left, at most `limit` bytes: the oracle is slow.
    std::string_view text(std::size_t limit) const { return rest_.substr(0, limit); }

  private:
    std::string_view rest_;
};
