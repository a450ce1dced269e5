#include "bpe/words/word_key.h"

#include <bit>
#include <cstring>
#include <random>

namespace paribus::bpe {
namespace {

WordHashFactors drawn_factors() {
    std::random_device random;
    const auto odd_number = [&] { return std::uint64_t{random()} << 32 | random() | 1; };
    const std::uint64_t head = odd_number();
    return {head, odd_number()};
}

std::uint64_t load(std::string_view at_most_8_bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, at_most_8_bytes.data(), at_most_8_bytes.size());
    return value;
}

class SipState {
  public:
    explicit SipState(const WordHashFactors& key)
        : a_(key.head ^ 0x736F6D6570736575),
          b_(key.tail ^ 0x646F72616E646F6D),
          c_(key.head ^ 0x6C7967656E657261),
          d_(key.tail ^ 0x7465646279746573) {}

    void add(std::uint64_t block) {
        d_ ^= block;
        mix();
        a_ ^= block;
    }

    std::uint64_t finish() {
        c_ ^= 0xFF;
        for (int round = 0; round < 3; ++round) mix();
        return a_ ^ b_ ^ c_ ^ d_;
    }

  private:
    void mix() {
        a_ += b_, b_ = std::rotl(b_, 13) ^ a_, a_ = std::rotl(a_, 32);
        c_ += d_, d_ = std::rotl(d_, 16) ^ c_;
        a_ += d_, d_ = std::rotl(d_, 21) ^ a_;
        c_ += b_, b_ = std::rotl(b_, 17) ^ c_, c_ = std::rotl(c_, 32);
    }

    std::uint64_t a_, b_, c_, d_;
};

}  // namespace

const WordHashFactors word_hash_factors = drawn_factors();

std::uint64_t hash_of_bytes(std::string_view word, const WordHashFactors& key) {
    SipState state(key);
    const std::uint64_t length = word.size();
    for (; word.size() >= sizeof length; word.remove_prefix(sizeof length)) {
        state.add(load(word.substr(0, sizeof length)));
    }
    state.add(load(word) | length << 56);
    return state.finish();
}

}  // namespace paribus::bpe
