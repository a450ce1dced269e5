// Turns ids back into bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bpe/types.h"

namespace paribus::bpe {

// The bytes of all tokens are stored in one row; an id leads to the start and the length of its
// own. Ids can have any integer type, so arrays are read without conversion.
class Decoder {
  public:
    // `tokens` holds the bytes of each id, empty for an unused id. Throws Error if they take 4 GiB
    // or more.
    explicit Decoder(std::span<const std::string> tokens);

    std::size_t n_tokens() const { return spans_.size(); }

    // The number of bytes that the ids decode to. Throws Error for an id outside the vocabulary.
    template <typename Integer>
    std::size_t n_bytes(std::span<const Integer> ids) const;

    // Writes the bytes of the ids to `out`, which has room for exactly `n_bytes(ids)`. If another
    // thread has changed the ids since, throws Error and writes nothing outside `out`.
    template <typename Integer>
    void write(std::span<const Integer> ids, std::span<char> out) const;

    std::string decode(std::span<const Id> ids) const;

  private:
    struct Span {
        std::uint32_t begin;
        std::uint32_t length;
    };

    std::vector<Span> spans_;
    std::vector<char> bytes_;
};

extern template std::size_t Decoder::n_bytes(std::span<const std::uint16_t>) const;
extern template std::size_t Decoder::n_bytes(std::span<const std::uint32_t>) const;
extern template std::size_t Decoder::n_bytes(std::span<const std::int32_t>) const;
extern template std::size_t Decoder::n_bytes(std::span<const std::int64_t>) const;
extern template void Decoder::write(std::span<const std::uint16_t>, std::span<char>) const;
extern template void Decoder::write(std::span<const std::uint32_t>, std::span<char>) const;
extern template void Decoder::write(std::span<const std::int32_t>, std::span<char>) const;
extern template void Decoder::write(std::span<const std::int64_t>, std::span<char>) const;

}  // namespace paribus::bpe
