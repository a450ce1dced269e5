#include "bpe/scan/scanner.h"

namespace paribus::bpe {
namespace {

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
// Every processor with BMI2 has BMI and LZCNT, and not every compiler can ask for LZCNT.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"); }
bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vbmi2");
}
#else
bool has_avx2() { return false; }
bool has_avx512() { return false; }
#endif

BlockScan block_scan_of(Pattern pattern, InstructionSet instructions) {
    switch (instructions) {
        case InstructionSet::avx512:
            return avx512_scan(pattern);
        case InstructionSet::avx2:
            return avx2_scan(pattern);
        case InstructionSet::portable:
            break;
    }
    return portable_scan(pattern);
}

}  // namespace

std::vector<InstructionSet> instruction_sets() {
    std::vector<InstructionSet> sets{InstructionSet::portable};
    if (has_avx2() && avx2_scan(Pattern::gpt2) != nullptr) sets.push_back(InstructionSet::avx2);
    if (has_avx512() && avx512_scan(Pattern::gpt2) != nullptr) {
        sets.push_back(InstructionSet::avx512);
    }
    return sets;
}

Scanner::Scanner(Pattern pattern, InstructionSet instructions)
    : pretoken_end_(pretoken_end_of(pattern)),
      block_scan_(bpe::block_scan_of(pattern, instructions)) {}

std::span<const std::size_t> Scanner::scan(std::string_view text, std::size_t begin,
                                           Batch& batch) const {
    if (block_scan_ == nullptr) {
        batch[0] = pretoken_end_(text, begin);
        return std::span(batch).first(1);
    }
    return std::span(batch).first(
        block_scan_(text.data(), text.size(), begin, batch.data(), batch.size(), pretoken_end_));
}

}  // namespace paribus::bpe
