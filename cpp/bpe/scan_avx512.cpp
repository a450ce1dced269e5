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

    static std::size_t* append_ends(std::uint64_t borders, std::size_t begin, std::size_t* ends) {
        alignas(64) static constexpr auto places = [] {
            std::array<std::uint8_t, 64> all{};
            for (unsigned i = 0; i < 64; ++i) all[i] = static_cast<std::uint8_t>(i);
            return all;
        }();
        const __m512i found =
            _mm512_maskz_compress_epi8(borders, _mm512_load_si512(places.data()));
        const __m512i base = _mm512_set1_epi64(static_cast<long long>(begin));
        const int n = std::popcount(borders);
        const __m128i first = _mm512_castsi512_si128(found);
        const auto put = [&](int at, __m128i eight) {
            _mm512_storeu_si512(ends + at, _mm512_add_epi64(base, _mm512_cvtepu8_epi64(eight)));
        };
        put(0, first);
        put(8, _mm_unpackhi_epi64(first, first));
        if (n > 16) [[unlikely]] {
            const __m128i second = _mm512_extracti32x4_epi32(found, 1);
            put(16, second);
            put(24, _mm_unpackhi_epi64(second, second));
            if (n > 32) [[unlikely]] {
                const __m128i third = _mm512_extracti32x4_epi32(found, 2);
                put(32, third);
                put(40, _mm_unpackhi_epi64(third, third));
                const __m128i fourth = _mm512_extracti32x4_epi32(found, 3);
                put(48, fourth);
                put(56, _mm_unpackhi_epi64(fourth, fourth));
            }
        }
        return ends + n;
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
