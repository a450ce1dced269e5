// Any vocabulary encodes any bytes as the plain encoder does, and decoding gives the bytes back.
#include "bpe/encoder.h"
#include "fuzz/input.h"
#include "tests/random_vocabulary.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace paribus;
    fuzz::Input input(data, size);
    const bpe::Pattern pattern = input.pattern();
    const bpe::EncodingOptions plain{input.below(2) == 0};
    const bpe::EncodingOptions in_pieces{plain.allow_special, 1 + input.below(3),
                                         1 + input.below(32)};
    const std::size_t n_merges = input.below(48);
    const bpe::EncoderTables tables = tests::random_vocabulary(
        n_merges, pattern, [&](std::size_t limit) { return input.below(limit); });
    const std::string text(input.text(512));
    const bpe::Encoder encoder(tables);
    const auto ids = encoder.encode(text, plain, {}).to_vector();
    fuzz::require(encoder.decoder().decode(ids) == text, "decoding gives the text back");
    fuzz::require(ids == tests::naive_encode(text, tables, plain.allow_special),
                  "the ids are those of the plain encoder");
    fuzz::require(ids == encoder.encode(text, plain, {}).to_vector(),
                  "a warm cache changes nothing");
    fuzz::require(ids == encoder.encode(text, in_pieces, {}).to_vector(),
                  "threads and pieces change nothing");
    return 0;
}
