#include "bpe/words/word_counts.h"

namespace paribus::bpe {
namespace {

std::uint64_t hash_of_long_word(std::string_view word) {
    return WordKey::of_long_word(hash_of_bytes(word)).head;
}

}  // namespace

void WordCounts::add(std::string_view text, const Scanner& scanner, Checkpoint& checkpoint) {
    for_each_batch(text, scanner, [&](std::size_t begin, std::span<const std::size_t> ends) {
        add_words(text, begin, ends);
        checkpoint.spend(ends.back() - begin);
    });
}

void WordCounts::add(const WordCounts& other) {
    other.short_words_.for_each(
        [&](const WordKey& key, const Value& value) { add_short_word(key, value.count); });
    other.long_words_.for_each([&](std::string_view word, Count count) {
        add_long_word(word, hash_of_long_word(word), count);
    });
}

void WordCounts::for_each(const VisitWord& visit) const {
    short_words_.for_each([&](const WordKey& key, const Value& value) {
        visit(key.bytes().substr(0, key.length()), value.count);
    });
    long_words_.for_each(visit);
}

void WordCounts::add_words(std::string_view text, std::size_t begin,
                           std::span<const std::size_t> ends) {
    Table::Lines lines(short_words_);
    const auto words = batch_.prepare(text, begin, ends, lines, [](const WordKey&) {});
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (Value* value = words.lookups[i].line->find(words.lookups[i].key)) {
            ++value->count;
            continue;
        }
        add_word(words[i], words.lookups[i].key);
        if (short_words_.is_current(lines)) continue;
        // The table has grown, so the rest is looked up again.
        if (i + 1 < words.size()) add_words(text, ends[i], ends.subspan(i + 1));
        return;
    }
}

void WordCounts::add_word(std::string_view word, const WordKey& key) {
    if (key.is_short()) {
        add_short_word(key, 1);
    } else {
        const bool is_hashed = word.size() <= longest_hashed_word;
        add_long_word(word, is_hashed ? key.head : hash_of_long_word(word), 1);
    }
}

void WordCounts::add_short_word(const WordKey& key, Count count) {
    if (Value* value = short_words_.find(key)) {
        value->count += count;
    } else {
        short_words_.insert(key, {count, 0});
    }
}

void WordCounts::add_long_word(std::string_view word, std::uint64_t hash, Count count) {
    std::span<Count> found = long_words_.find(word, hash);
    if (found.empty()) found = long_words_.insert(word, hash, 1);
    found[0] += count;
}

}  // namespace paribus::bpe
