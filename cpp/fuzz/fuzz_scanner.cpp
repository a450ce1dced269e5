// The scanners split as the backtracking matcher does, and safe cuts keep the split.
#include "bpe/scan/cuts.h"
#include "bpe/scan/scanner.h"
#include "fuzz/input.h"
#include "tests/naive.h"

namespace {

using namespace paribus;

std::vector<std::string> split(std::string_view text, bpe::Pattern pattern) {
    std::vector<std::string> words;
    bpe::for_each_pretoken(text, bpe::Scanner(pattern),
                           [&](std::string_view word) { words.emplace_back(word); });
    return words;
}

std::vector<std::string> split_in_pieces(std::string_view text, bpe::Pattern pattern,
                                         std::size_t target) {
    std::vector<std::string> words;
    for (const std::string_view piece : bpe::cut_text(text, pattern, {}, target)) {
        for (std::string& word : split(piece, pattern)) words.push_back(std::move(word));
    }
    return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const bpe::Pattern pattern = input.pattern();
    const std::size_t target = input.below(64);
    const std::string text(input.text(2048));
    const auto words = split(text, pattern);
    fuzz::require(words == tests::naive_split(text, pattern), "the split is that of the pattern");
    fuzz::require(words == split_in_pieces(text, pattern, target), "pieces split as the whole");
    return 0;
}
