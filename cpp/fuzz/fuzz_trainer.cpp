// Any text in any blocks: the merges of the oracle.
#include "fuzz/input.h"
#include "tests/oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const bpe::Pattern pattern = oracle::patterns[input.below(4)];
    const auto ties = input.below(2) == 0 ? bpe::Ties::greatest_bytes : bpe::Ties::smallest_ids;
    const std::size_t n_new_ids = input.below(40), longest = input.below(6);
    oracle::Random random(input.below(256));
    const std::string_view text = input.text(200);

    const auto expected = oracle::train(text, pattern, n_new_ids, ties, longest);
    CHECK(oracle::train_by_core(random.blocks(text), pattern, n_new_ids, ties, longest, 1) ==
          expected);
    return 0;
}
