// Compiled for AVX-512 BW, BMI and LZCNT; called where the processor has them.
#include "bpe/block_scans.h"

#if defined(__AVX512BW__)

#include <immintrin.h>

#include "bpe/block_scan.h"
#include "bpe/vector_classes.h"

namespace paribus::bpe {
namespace {

struct Avx512 {
    static __m512i load(const char* text) { return _mm512_loadu_si512(text); }

    static __m512i four_times(const CodeChart::Bits& bits) {
        const auto* sixteen = reinterpret_cast<const __m128i*>(bits.data());
        // With a mask of all: GCC 12 says of the form without one that it reads what is not set.
        return _mm512_maskz_broadcast_i32x4(0xFFFF, _mm_loadu_si128(sixteen));
    }

    static __m512i look_up(__m512i bytes, const CodeChart& chart) {
        // A shuffle gives 0 for a byte beyond ASCII.
        const __m512i columns = _mm512_shuffle_epi8(four_times(chart.columns), bytes);
        const __m512i rows = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(0x0F));
        return _mm512_and_si512(columns, _mm512_shuffle_epi8(four_times(chart.rows), rows));
    }

    static __m512i doubled(__m512i bytes) { return _mm512_add_epi8(bytes, bytes); }
    static __m512i either(__m512i a, __m512i b) { return _mm512_or_si512(a, b); }
    static std::uint64_t top_bits(__m512i bytes) { return _mm512_movepi8_mask(bytes); }

    static std::uint64_t small_letter_bits(__m512i bytes) {
        return top_bits(_mm512_slli_epi16(bytes, 2));
    }

    static unsigned first_bit(std::uint64_t mask) {
        return static_cast<unsigned>(_tzcnt_u64(mask));
    }

    static Block classify(const char* text) { return classify_by_vectors<Avx512>(text); }
};

}  // namespace

BlockScan avx512_scan(Pattern pattern) { return block_scan_of<Avx512>(pattern); }

}  // namespace paribus::bpe

#else

namespace paribus::bpe {

BlockScan avx512_scan(Pattern) { return nullptr; }

}  // namespace paribus::bpe

#endif
