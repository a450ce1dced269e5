#include "bpe/trainer.h"

#include <utility>

#include "bpe/merge_learner.h"

namespace paribus::bpe {
namespace {

TrainingOptions checked(TrainingOptions options) {
    if (options.n_merges > absent - options.first_merge_id) {
        throw Error("number of merges", "ids below 2^32", std::to_string(options.n_merges));
    }
    return options;
}

}  // namespace

Trainer::Trainer(TrainingOptions options)
    : options_(checked(std::move(options))),
      counter_(options_.pattern, options_.specials, options_.n_threads, options_.batch_size) {}

void Trainer::feed(std::string_view block, const Progress& progress) {
    counter_.feed(block, [&] {
        if (progress) progress("count", counter_.n_bytes(), 0);
    });
}

TrainingResult Trainer::finish(const Progress& progress) {
    TrainingResult result;
    result.n_bytes = counter_.n_bytes();
    const WordTable words = counter_.finish([&] {
        if (progress) progress("count", result.n_bytes, result.n_bytes);
    });
    result.n_distinct_pretokens = words.size();
    MergeLearner learner(words, options_, progress);
    result.ran_out = !learner.learn();
    result.merges = learner.merges();
    return result;
}

}  // namespace paribus::bpe
