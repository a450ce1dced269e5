// Training on blocks that are cut anywhere gives the merges of the naive trainer.
#include <algorithm>
#include <numeric>

#include "bpe/train/trainer.h"
#include "fuzz/input.h"
#include "tests/naive.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace paribus;
    fuzz::Input input(data, size);
    bpe::TrainingOptions options;
    options.pattern = input.pattern();
    options.ties = input.below(2) == 0 ? bpe::Ties::cs336 : bpe::Ties::hf;
    options.n_merges = input.below(64);
    options.n_threads = 1 + input.below(2);
    options.batch_size = 1 + input.below(256);
    if (const std::size_t length = input.below(8)) options.max_token_length = length;
    options.specials = {"<|a|>", "<|a|><|a|>", "<|a"};
    std::iota(options.byte_ids.rbegin(), options.byte_ids.rend(), bpe::Id{3});
    options.first_merge_id = 259;
    const std::size_t block = 1 + input.below(256);
    const std::string text(input.text(512));

    bpe::Trainer trainer(options);
    for (std::size_t at = 0; at < text.size(); at += block) {
        trainer.feed(std::string_view(text).substr(at, block), {});
    }
    const bpe::TrainingResult found = trainer.finish({});
    const bpe::TrainingResult expected = tests::naive_train(text, options);
    fuzz::require(found.merges == expected.merges, "the merges are those of the plain trainer");
    fuzz::require(found.ran_out == expected.ran_out, "it runs out when the plain trainer does");
    fuzz::require(found.n_distinct_pretokens == expected.n_distinct_pretokens,
                  "the number of distinct pretokens is that of the plain trainer");
    return 0;
}
