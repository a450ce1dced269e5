// Compiled for AVX-512 BW and VBMI2, BMI and LZCNT; called only if the processor has them.
#include "bpe/scan/block_scans.h"

#if defined(__AVX512BW__) && defined(__AVX512VBMI2__)

#include <immintrin.h>

#include <array>
#include <numeric>

#include "bpe/scan/block_scan.h"
#include "bpe/scan/vector_classes.h"

namespace paribus::bpe {
namespace {

constexpr auto places_of_block = [] {
    std::array<std::uint8_t, block_size> places{};
    std::iota(places.begin(), places.end(), std::uint8_t{0});
    return places;
}();

// Masked forms with all lanes set: GCC 12 warns that the plain forms read uninitialized values.
struct Avx512 {
    static __m512i load(const char* text) { return _mm512_loadu_si512(text); }

    static __m512i four_times(const CodeChart::Bits& bits) {
        const auto* sixteen = reinterpret_cast<const __m128i*>(bits.data());
        return _mm512_maskz_broadcast_i32x4(0xFFFF, _mm_loadu_si128(sixteen));
    }

    static __m512i look_up(__m512i bytes, const CodeChart& chart) {
        // A shuffle gives 0 for a non-ASCII byte.
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

    // One compression gives the places of the bits. 16 ends are written at a time, because few
    // blocks have more.
    static std::size_t* append_ends(std::uint64_t borders, std::size_t begin, std::size_t* ends) {
        alignas(block_size) std::array<std::uint8_t, block_size> places;
        const __m512i all = _mm512_loadu_si512(places_of_block.data());
        _mm512_store_si512(places.data(), _mm512_maskz_compress_epi8(borders, all));
        const auto n_ends = static_cast<unsigned>(std::popcount(borders));
        write_16(places.data(), begin, ends);
        for (unsigned at = 16; at < n_ends; at += 16) [[unlikely]] {
            write_16(places.data() + at, begin, ends + at);
        }
        return ends + n_ends;
    }

    static Block classify(const char* text) { return classify_by_vectors<Avx512>(text); }

  private:
    static void write_16(const std::uint8_t* places, std::size_t begin, std::size_t* ends) {
        write_8(places, begin, ends);
        write_8(places + 8, begin, ends + 8);
    }

    static void write_8(const std::uint8_t* places, std::size_t begin, std::size_t* ends) {
        const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(places));
        const __m512i begins = _mm512_set1_epi64(static_cast<long long>(begin));
        const __m512i added = _mm512_maskz_cvtepu8_epi64(0xFF, eight);
        _mm512_storeu_si512(ends, _mm512_add_epi64(begins, added));
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
