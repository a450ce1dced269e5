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

    static std::uint64_t between(__m512i bytes, char first, char last) {
        return _mm512_cmple_epu8_mask(_mm512_sub_epi8(bytes, _mm512_set1_epi8(first)),
                                      _mm512_set1_epi8(static_cast<char>(last - first)));
    }

    static std::uint64_t equal(__m512i bytes, char byte) {
        return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte));
    }

    static std::uint64_t beyond_ascii(__m512i bytes) { return _mm512_movepi8_mask(bytes); }

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
