#include "bpe/word_counts.h"

namespace paribus::bpe {

void WordCounts::add(std::string_view text, const Scanner& scanner, Checkpoint& checkpoint) {
    for_each_batch(text, scanner, [&](std::size_t begin, std::span<const std::size_t> ends) {
        add_words(text, begin, ends);
        checkpoint.spend(ends.back() - begin);
    });
}

void WordCounts::add(const WordCounts& other) {
    other.short_words_.for_each([&](const WordKey& key, const Value& value) {
        add_short_word(key, key.hash(), value.count);
    });
    other.long_words_.for_each(
        [&](std::string_view word, Count count) { long_words_[word] += count; });
}

void WordCounts::for_each(const VisitWord& visit) const {
    short_words_.for_each([&](const WordKey& key, const Value& value) {
        visit(key.bytes().substr(0, key.length()), value.count);
    });
    long_words_.for_each(visit);
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
    if (lookup.is_short()) {
        add_short_word(lookup.key, lookup.hash, 1);
    } else {
        ++long_words_[word];
    }
}

void WordCounts::add_short_word(const WordKey& key, std::uint64_t hash, Count count) {
    if (Value* value = short_words_.find(key, hash)) {
        value->count += count;
    } else {
        short_words_.insert(key, hash, {count, 0});
    }
}

}  // namespace paribus::bpe
