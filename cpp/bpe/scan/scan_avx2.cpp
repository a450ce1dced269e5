// Compiled for AVX2, BMI and LZCNT; called only if the processor has them.
#include "bpe/scan/block_scans.h"

#if defined(__AVX2__)

#include <immintrin.h>

#include "bpe/scan/block_scan.h"
#include "bpe/scan/vector_classes.h"

namespace paribus::bpe {
namespace {

struct Avx2 {
    struct Bytes {
        __m256i low, high;
    };

    static Bytes load(const char* text) {
        const auto* halves = reinterpret_cast<const __m256i*>(text);
        return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
    }

    static __m256i twice(const CodeChart::Bits& bits) {
        const auto* sixteen = reinterpret_cast<const __m128i*>(bits.data());
        return _mm256_broadcastsi128_si256(_mm_loadu_si128(sixteen));
    }

    static __m256i look_up(__m256i bytes, const CodeChart& chart) {
        // A shuffle gives 0 for a non-ASCII byte.
        const __m256i columns = _mm256_shuffle_epi8(twice(chart.columns), bytes);
        const __m256i rows = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0F));
        return _mm256_and_si256(columns, _mm256_shuffle_epi8(twice(chart.rows), rows));
    }

    static Bytes look_up(const Bytes& bytes, const CodeChart& chart) {
        return {look_up(bytes.low, chart), look_up(bytes.high, chart)};
    }

    static Bytes doubled(const Bytes& bytes) {
        return {_mm256_add_epi8(bytes.low, bytes.low), _mm256_add_epi8(bytes.high, bytes.high)};
    }

    static Bytes either(const Bytes& a, const Bytes& b) {
        return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
    }

    static std::uint64_t top_bits(const Bytes& bytes) {
        const auto low_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes.low));
        const auto high_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes.high));
        return std::uint64_t{high_bits} << 32 | low_bits;
    }

    static std::uint64_t small_letter_bits(const Bytes& bytes) {
        return top_bits({_mm256_slli_epi16(bytes.low, 2), _mm256_slli_epi16(bytes.high, 2)});
    }

    static unsigned first_bit(std::uint64_t mask) {
        return static_cast<unsigned>(_tzcnt_u64(mask));
    }

    static Block classify(const char* text) { return classify_by_vectors<Avx2>(text); }

    static std::size_t* append_ends(std::uint64_t borders, std::size_t begin, std::size_t* ends) {
        return append_ends_by_bits<Avx2>(borders, begin, ends);
    }
};

}  // namespace

BlockScan avx2_scan(Pattern pattern) { return block_scan_of<Avx2>(pattern); }

}  // namespace paribus::bpe

#else

namespace paribus::bpe {

BlockScan avx2_scan(Pattern) { return nullptr; }

}  // namespace paribus::bpe

#endif
