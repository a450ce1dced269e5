// Ids back to the bytes they stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bpe/types.h"

namespace paribus::bpe {

// The bytes of all tokens lie in one row; an id leads to where its own begin, and how many they
// are. Ids may be of any integer type, so that arrays are read as they lie.
class Decoder {
  public:
    // `tokens` are the bytes of each id, empty for an id that means nothing. Throws Error for
    // 4 GiB of them.
    explicit Decoder(std::span<const std::string> tokens);

    std::size_t n_tokens() const { return spans_.size(); }

    // How many bytes the ids stand for; throws Error at one that is not in the vocabulary.
    template <typename Integer>
    std::size_t n_bytes(std::span<const Integer> ids) const;

    // Writes the bytes of the ids to `out`, which has room for exactly `n_bytes(ids)` of them.
    // Throws Error, and writes nowhere else, where another thread has changed the ids since.
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
