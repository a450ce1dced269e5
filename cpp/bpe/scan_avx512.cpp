// Compiled for AVX-512 BW and VBMI2, BMI and LZCNT; called where the processor has them.
#include "bpe/block_scans.h"

#if defined(__AVX512BW__) && defined(__AVX512VBMI2__)

#include <immintrin.h>

#include <numeric>

#include "bpe/block_scan.h"
#include "bpe/vector_classes.h"

namespace paribus::bpe {
namespace {

constexpr auto places_of_block = [] {
    std::array<std::uint8_t, block_size> places{};
    std::iota(places.begin(), places.end(), std::uint8_t{0});
    return places;
}();

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

    // The places of the bits by one compression; 16 ends at a time, for few blocks have more.
    static std::size_t* append_ends(std::uint64_t borders, std::size_t begin, std::size_t* ends) {
        const __m512i places =
            _mm512_maskz_compress_epi8(borders, _mm512_loadu_si512(places_of_block.data()));
        const __m512i begins = _mm512_set1_epi64(static_cast<long long>(begin));
        std::size_t* const last = ends + std::popcount(borders);
        write_16(_mm512_castsi512_si128(places), begins, ends);
        if (last > ends + 16) [[unlikely]] {
            write_16(_mm512_extracti32x4_epi32(places, 1), begins, ends + 16);
            write_16(_mm512_extracti32x4_epi32(places, 2), begins, ends + 32);
            write_16(_mm512_extracti32x4_epi32(places, 3), begins, ends + 48);
        }
        return last;
    }

    static Block classify(const char* text) { return classify_by_vectors<Avx512>(text); }

  private:
    static void write_16(__m128i places, __m512i begins, std::size_t* ends) {
        const __m512i low = _mm512_cvtepu8_epi64(places);
        const __m512i high = _mm512_cvtepu8_epi64(_mm_unpackhi_epi64(places, places));
        _mm512_storeu_si512(ends, _mm512_add_epi64(begins, low));
        _mm512_storeu_si512(ends + 8, _mm512_add_epi64(begins, high));
    }
};

}  // namespace

BlockScan avx512_scan(Pattern pattern) { return block_scan_of<Avx512>(pattern); }

}  // namespace paribus::bpe

#else

namespace paribus::bpe {

BlockScan avx512_scan(Pattern) { return nullptr; }

}  // namespace paribus::bpe

#endif
