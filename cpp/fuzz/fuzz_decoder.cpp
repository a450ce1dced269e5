// Ids of 16 or 32 bits decode to the bytes of their tokens, or the error names the first unknown
// id.
#include <algorithm>
#include <optional>

#include "bpe/encode/encoder.h"
#include "fuzz/input.h"
#include "tests/random_vocabulary.h"

namespace {

using namespace paribus;

// Mostly ids of the vocabulary or the first one beyond it, sometimes any of 32 bits.
std::vector<bpe::Id> some_ids(fuzz::Input& input, std::size_t n_tokens) {
    std::vector<bpe::Id> ids(input.below(64));
    for (bpe::Id& id : ids) {
        id = static_cast<bpe::Id>(input.below(256) << 8 | input.below(256));
        const std::size_t kind = input.below(16);
        if (kind == 1) {
            id = id << 16 | static_cast<bpe::Id>(input.below(256));
        } else if (kind != 2) {
            id %= static_cast<bpe::Id>(n_tokens) + 1;
        }
    }
    return ids;
}

std::optional<std::size_t> first_unknown(const std::vector<bpe::Id>& ids,
                                         const std::vector<std::string>& tokens) {
    const auto unknown = std::find_if(ids.begin(), ids.end(), [&](bpe::Id id) {
        return id >= tokens.size() || tokens[id].empty();
    });
    if (unknown == ids.end()) return std::nullopt;
    return static_cast<std::size_t>(unknown - ids.begin());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const std::size_t n_merges = input.below(48);
    bpe::EncoderTables tables = tests::random_vocabulary(
        n_merges, bpe::Pattern::gpt2, [&](std::size_t limit) { return input.below(limit); });
    // Just as many ids as fit in 16 bits, or one more. Rarely, because so many take long to read.
    if (const std::size_t kind = input.below(128); kind < 2) tables.tokens.resize(65536 + kind);
    const std::vector<bpe::Id> ids = some_ids(input, tables.tokens.size());
    const auto unknown = first_unknown(ids, tables.tokens);
    const bpe::Encoder encoder(tables);
    try {
        std::string expected;
        const std::string found = encoder.decoder().decode(ids);
        fuzz::require(!unknown.has_value(), "an unknown id is refused");
        for (const bpe::Id id : ids) expected += tables.tokens[id];
        fuzz::require(found == expected, "decoding joins the bytes of the tokens");
    } catch (const bpe::Error& error) {
        fuzz::require(unknown.has_value(), "known ids are decoded");
        const std::string where = "position " + std::to_string(*unknown) + ":";
        fuzz::require(std::string(error.what()).starts_with(where), "the first wrong id is named");
    }
    return 0;
}
