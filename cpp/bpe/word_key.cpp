#include "bpe/word_key.h"

#include <random>

namespace paribus::bpe {
namespace {

WordHashFactors drawn_factors() {
    std::random_device random;
    const auto odd_number = [&] { return std::uint64_t{random()} << 32 | random() | 1; };
    const std::uint64_t head = odd_number();
    return {head, odd_number()};
}

}  // namespace

const WordHashFactors word_hash_factors = drawn_factors();

}  // namespace paribus::bpe
