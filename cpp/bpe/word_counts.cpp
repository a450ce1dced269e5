#include "bpe/word_counts.h"

namespace paribus::bpe {

void WordCounts::add(std::string_view text, const Scanner& scanner, Checkpoint& checkpoint) {
    for_each_batch(text, scanner, [&](std::size_t begin, std::span<const std::size_t> ends) {
        add_words(text, begin, ends);
        checkpoint.spend(ends.back() - begin);
    });
}

void WordCounts::add_to(WordTable& total) const {
    short_words_.for_each([&](const WordKey& key, const Value& value) {
        total[key.bytes().substr(0, key.length())] += value.count;
    });
    long_words_.for_each([&](std::string_view word, Count count) { total[word] += count; });
}

void WordCounts::add_words(std::string_view text, std::size_t begin,
                           std::span<const std::size_t> ends) {
    const auto lookups = batch_.look_up(text, begin, ends, [this](const WordLookup& lookup) {
        return short_words_.place_of(lookup.hash);
    });
    ShortWordTable<Value>::Reader reader(short_words_);
    for (std::size_t i = 0; i < ends.size(); begin = ends[i++]) {
        if (Value* value = reader.find_near(lookups[i].key, lookups[i].hash)) {
            ++value->count;
        } else {
            add_word(text.substr(begin, ends[i] - begin), lookups[i]);
            reader = ShortWordTable<Value>::Reader(short_words_);  // the table may have grown
        }
    }
}

void WordCounts::add_word(std::string_view word, const WordLookup& lookup) {
    if (!lookup.is_short()) {
        ++long_words_[word];
    } else if (Value* value = short_words_.find(lookup.key, lookup.hash)) {
        ++value->count;
    } else {
        short_words_.insert(lookup.key, lookup.hash, {1, 0});
    }
}

}  // namespace paribus::bpe
