// Any text by any vocabulary: the ids of the oracle, and the bytes back.
#include "fuzz/input.h"
#include "tests/oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const bpe::Pattern pattern = oracle::patterns[input.below(4)];
    const bool allow_special = input.below(2) == 1;
    const std::size_t seed = input.below(256);
    const oracle::Vocabulary vocabulary = oracle::Random(seed).vocabulary(input.below(50));
    const std::string_view text = input.text(400);

    const bpe::Encoder encoder = vocabulary.encoder(pattern);
    const auto ids = encoder.encode(text, allow_special, 1, [] {});
    CHECK(ids == oracle::encode(text, vocabulary, pattern, allow_special));
    CHECK(encoder.decode(ids) == text);
    return 0;
}
