// Compiled for AVX2, BMI and LZCNT; called where the processor has them.
#include "bpe/block_scans.h"

#if defined(__AVX2__)

#include <immintrin.h>

#include "bpe/block_scan.h"
#include "bpe/vector_classes.h"

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

    static std::uint64_t mask(__m256i low, __m256i high) {
        const auto low_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(low));
        const auto high_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(high));
        return std::uint64_t{high_bits} << 32 | low_bits;
    }

    static __m256i half_between(__m256i bytes, char first, char last) {
        return _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(first - 1)),
                                _mm256_cmpgt_epi8(_mm256_set1_epi8(last + 1), bytes));
    }

    static std::uint64_t between(const Bytes& bytes, char first, char last) {
        return mask(half_between(bytes.low, first, last), half_between(bytes.high, first, last));
    }

    static std::uint64_t equal(const Bytes& bytes, char byte) {
        const __m256i wanted = _mm256_set1_epi8(byte);
        return mask(_mm256_cmpeq_epi8(bytes.low, wanted), _mm256_cmpeq_epi8(bytes.high, wanted));
    }

    static std::uint64_t beyond_ascii(const Bytes& bytes) { return mask(bytes.low, bytes.high); }

    static Block classify(const char* text) { return classify_by_vectors<Avx2>(text); }
};

}  // namespace

BlockScan avx2_scan(Pattern pattern) { return block_scan_of<Avx2>(pattern); }

}  // namespace paribus::bpe

#else

namespace paribus::bpe {

BlockScan avx2_scan(Pattern) { return nullptr; }

}  // namespace paribus::bpe

#endif
