#include "bpe/train/trainer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "bpe/parallel.h"

namespace paribus::bpe {
namespace {

// Memory of tables, buffers and a batch of text, and of a merge apart from its places.
constexpr std::size_t base_memory = std::size_t{16} << 20;
constexpr std::size_t memory_of_merge = 256;
// Two positions, and pairs of 24 bytes: in texts of all kinds there is at most one pair per four
// places, and the memory for pairs doubles as it grows.
constexpr std::size_t memory_of_place = 2 * 4 + 12;
// Small enough that the tables cannot grow twice within a batch.
constexpr std::size_t batch_size_of_limited_memory = std::size_t{1} << 18;

std::size_t least_memory(const TrainingOptions& options) {
    return base_memory + memory_of_merge * options.n_merges;
}

WordCounts sum_of(std::vector<WordCounts> tables) {
    WordCounts total = std::move(tables.front());
    for (; tables.size() > 1; tables.pop_back()) total.add(tables.back());
    return total;
}

// One thread profits from text that is still in the cache; several threads need enough work to be
// worth starting.
std::size_t batch_size_for(std::size_t n_threads) {
    constexpr std::size_t megabyte = std::size_t{1} << 20;
    return n_threads <= 1 ? megabyte : 4 * n_threads * megabyte;
}

TrainingOptions checked(TrainingOptions options) {
    options.n_threads = std::min(options.n_threads, most_threads);
    if (options.memory) {
        // The C library keeps what threads free, so the sum of the tables bounds nothing.
        options.n_threads = 1;
        options.batch_size = batch_size_of_limited_memory;
    }
    if (!options.batch_size) options.batch_size = batch_size_for(options.n_threads);
    if (options.n_merges > absent - options.first_merge_id) {
        throw Error("number of merges", "ids below 2^32", std::to_string(options.n_merges));
    }
    return options;
}

}  // namespace

Trainer::Trainer(TrainingOptions options)
    : options_(checked(std::move(options))),
      counter_(options_.pattern, options_.specials, options_.n_threads, *options_.batch_size) {
    if (const auto& memory = options_.memory) {
        spill_.emplace(memory->spill_folder, memory->n_bytes / 8);
    }
}

void Trainer::feed(std::string_view block, const Progress& progress) {
    counter_.feed(block, [&] {
        if (spill_) spill_if_full();
        if (progress) progress("count", counter_.n_bytes(), std::nullopt);
    });
}

TrainingResult Trainer::finish(const Progress& progress) {
    TrainingResult result;
    result.n_bytes = counter_.n_bytes();
    counter_.count_rest([&] {
        if (progress) progress("count", result.n_bytes, result.n_bytes);
    });
    WordSource words = counted_words();
    std::size_t n_places = 1;
    Checkpoint checkpoint([&] {
        if (progress) progress("merge", 0, options_.n_merges);
    });
    words([&](std::string_view word, Count) {
        n_places += word.size() + 1;
        ++result.n_distinct_pretokens;
        checkpoint.spend(word.size());
    });
    if (options_.memory) check_memory(n_places);
    LearnedMerges learned = learn_merges(std::move(words), options_, progress);
    result.merges = std::move(learned.merges);
    result.ran_out = learned.ran_out;
    return result;
}

// While a table grows, its old and its doubled memory exist together, and counts are sorted before
// they are written. With less than the least memory, the text is still counted to find out how much
// it needs.
void Trainer::spill_if_full() {
    const std::size_t memory = std::max(options_.memory->n_bytes, least_memory(options_));
    if (4 * counter_.n_table_bytes() > memory) spill_tables();
}

void Trainer::spill_tables() {
    for (const WordCounts& table : counter_.take()) spill_->write(table);
}

WordSource Trainer::counted_words() {
    if (!spill_ || spill_->empty()) {
        const auto words = std::make_shared<WordCounts>(sum_of(counter_.take()));
        return [words](const VisitWord& visit) { words->for_each(visit); };
    }
    spill_tables();
    return [this](const VisitWord& visit) { spill_->for_each(visit); };
}

void Trainer::check_memory(std::size_t n_places) const {
    const std::size_t width = has_narrow_symbols(options_.n_merges) ? 2 : 4;
    const std::size_t needed = least_memory(options_) + n_places * (width + memory_of_place);
    if (needed > options_.memory->n_bytes) throw MemoryLimit(needed);
}

}  // namespace paribus::bpe
