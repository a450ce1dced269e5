// Pretokens of any bytes: they cover the text, and a sure border is a border.
#include "fuzz/input.h"
#include "tests/oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const bpe::Pattern pattern = oracle::patterns[input.below(4)];
    const std::size_t from = input.below(64);
    const std::string_view text = input.text(4096);

    const std::vector<std::string> words = oracle::pretokens(text, pattern);
    std::string joined;
    for (const std::string& word : words) joined += word;
    CHECK(joined == text);

    if (from >= text.size()) return 0;
    const std::size_t border = bpe::next_sure_border(pattern, text, from);
    if (border == std::string_view::npos) return 0;
    CHECK(border >= from && border <= text.size());
    std::vector<std::string> parts = oracle::pretokens(text.substr(0, border), pattern);
    for (std::string& word : oracle::pretokens(text.substr(border), pattern)) {
        parts.push_back(std::move(word));
    }
    CHECK(words == parts);
    return 0;
}
