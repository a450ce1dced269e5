#include "bpe/trainer.h"

#include <memory>
#include <utility>

#include "bpe/merge_learner.h"

namespace paribus::bpe {
namespace {

// One thread reads again what the cache still holds; starting several must be worth the while.
std::size_t batch_size_for(std::size_t n_threads) {
    constexpr std::size_t megabyte = std::size_t{1} << 20;
    return n_threads <= 1 ? megabyte : 4 * n_threads * megabyte;
}

TrainingOptions checked(TrainingOptions options) {
    if (options.batch_size == 0) options.batch_size = batch_size_for(options.n_threads);
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
    auto words = std::make_shared<WordCounts>(counter_.finish([&] {
        if (progress) progress("count", result.n_bytes, result.n_bytes);
    }));
    result.n_distinct_pretokens = words->size();
    LearnedMerges learned =
        learn_merges([words = std::move(words)](const VisitWord& visit) { words->for_each(visit); },
                     options_, progress);
    result.merges = std::move(learned.merges);
    result.ran_out = learned.ran_out;
    return result;
}

}  // namespace paribus::bpe
