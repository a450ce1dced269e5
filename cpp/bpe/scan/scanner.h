// Finds the ends of pretokens in batches, with the widest instructions of the processor.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "bpe/scan/block_scans.h"
#include "bpe/scan/pattern.h"

namespace paribus::bpe {

enum class InstructionSet { portable, avx2, avx512 };

// The instruction sets that this build supports and this processor has, the widest last; never
// empty.
std::vector<InstructionSet> instruction_sets();

// The result never depends on the instructions.
class Scanner {
  public:
    static constexpr std::size_t batch_size = 512;  // ends at most
    using Batch = std::array<std::size_t, batch_size>;

    explicit Scanner(Pattern pattern) : Scanner(pattern, instruction_sets().back()) {}
    Scanner(Pattern pattern, InstructionSet instructions);

    // The ends of some pretokens of `text`. The first of them begins at `begin`, which is inside
    // the text.
    std::span<const std::size_t> scan(std::string_view text, std::size_t begin, Batch& batch) const;

  private:
    PretokenEnd pretoken_end_;
    BlockScan block_scan_;  // null if the pattern has none
};

// Calls `visit(std::string_view pretoken)` for each pretoken, from left to right.
template <typename Visit>
void for_each_pretoken(std::string_view text, const Scanner& scanner, Visit&& visit) {
    Scanner::Batch batch;
    for (std::size_t begin = 0; begin < text.size();) {
        for (const std::size_t end : scanner.scan(text, begin, batch)) {
            visit(text.substr(begin, end - begin));
            begin = end;
        }
    }
}

}  // namespace paribus::bpe
