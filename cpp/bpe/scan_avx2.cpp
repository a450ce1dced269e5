// Compiled for AVX2, BMI and LZCNT; called where the processor has them.
#include "bpe/block_scans.h"

#if defined(__AVX2__)

#include <immintrin.h>

#include "bpe/block_scan.h"

namespace paribus::bpe {
namespace {

struct Avx2 {
    static std::uint64_t mask(__m256i low, __m256i high) {
        const auto low_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(low));
        const auto high_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(high));
        return std::uint64_t{high_bits} << 32 | low_bits;
    }

    // Whether each byte lies between two of ASCII.
    static __m256i between(__m256i bytes, char first, char last) {
        return _mm256_and_si256(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(first - 1)),
                                _mm256_cmpgt_epi8(_mm256_set1_epi8(last + 1), bytes));
    }

    static __m256i equal(__m256i bytes, char byte) {
        return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte));
    }

    static Block classify(const char* bytes) {
        const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
        const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes) + 1);
        const auto all_between = [&](char first, char last) {
            return mask(between(low, first, last), between(high, first, last));
        };
        const auto all_equal = [&](char byte) { return mask(equal(low, byte), equal(high, byte)); };
        Block block{};
        block.capitals = all_between('A', 'Z');
        const __m256i case_bits = _mm256_set1_epi8('a' - 'A');
        block.letters = mask(between(_mm256_or_si256(low, case_bits), 'a', 'z'),
                             between(_mm256_or_si256(high, case_bits), 'a', 'z'));
        block.numbers = all_between('0', '9');
        block.spaces = all_equal(' ');
        block.white_space = block.spaces | all_between('\t', '\r');
        block.newlines = all_equal('\n') | all_equal('\r');
        block.slashes = all_equal('/');
        block.apostrophes = all_equal('\'');
        block.beyond_ascii = mask(low, high);
        block.n_known = block_size;
        return block;
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
