// With any vocabulary, any bytes encode as the naive encoder does, and decoding restores the bytes.
#include "bpe/encode/encoder.h"
#include "bpe/merge/word_merger.h"
#include "fuzz/input.h"
#include "tests/random_vocabulary.h"

namespace {

using namespace paribus;

void require_windows_change_nothing(const std::string& word, const bpe::EncoderTables& tables,
                                    const bpe::Windows& windows) {
    if (word.empty()) return;
    const bpe::MergeTables merges = tests::merge_tables(tables);
    bpe::WordMerger merger(merges, windows);
    bpe::Checkpoint no_poll({});
    std::vector<bpe::Id> ids;
    merger.merge(word, ids, no_poll);
    fuzz::require(ids == tests::naive_merge_word(word, tables), "windows change nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const bpe::Pattern pattern = input.pattern();
    const bpe::EncodingOptions plain{input.below(2) == 0};
    const bpe::EncodingOptions in_pieces{plain.allow_special, 1 + input.below(3),
                                         1 + input.below(32)};
    const bpe::Windows windows{1 + input.below(128), input.below(5)};
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
    require_windows_change_nothing(text.substr(0, 200), tables, windows);
    return 0;
}
