#include "bpe/encode/text_encoder.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "bpe/encode/word_cache.h"
#include "bpe/merge/word_merger.h"
#include "bpe/words/word_batch.h"

namespace paribus::bpe {
namespace {

template <typename StoredId>
class CachingEncoder final : public TextEncoder {
  public:
    CachingEncoder(const MergeTables& tables, const Scanner& scanner, std::size_t cache_bytes)
        : tables_(&tables), scanner_(&scanner), cache_(cache_bytes), merger_(tables) {}

    void append(std::string_view text, Ids& ids, Checkpoint& checkpoint) override {
        for_each_batch(text, *scanner_, [&](std::size_t begin, std::span<const std::size_t> ends) {
            append_words(cache_.prepare(text, begin, ends), ids, checkpoint);
            checkpoint.spend(ends.back() - begin);
        });
    }

  private:
    using Words = bpe::Words<typename WordCache<StoredId>::Table>;

    void append_words(Words words, Ids& ids, Checkpoint& checkpoint) {
        for (;;) {
            StoredId* out = ids.end_with_room<StoredId>(words.n_bytes() + pooled_ids);
            const std::size_t n_known = cache_.append_known(words, out);
            ids.set_end(out);
            if (n_known == words.size()) return;
            append_new(words[n_known], words.lookups[n_known].key, ids, checkpoint);
            if (n_known + 1 == words.size()) return;
            words = words.without_first(n_known + 1);
            if (!cache_.is_fresh()) words = cache_.prepare(words.text, words.begin, words.ends);
        }
    }

    // Merges a new word and remembers it.
    void append_new(std::string_view word, const WordKey& key, Ids& ids, Checkpoint& checkpoint) {
        merge(word, checkpoint);
        if (word.size() <= longest_hashed_word) cache_.insert(word, key, merged_);
        StoredId* out = ids.end_with_room<StoredId>(merged_.size());
        for (const Id id : merged_) *out++ = static_cast<StoredId>(id);
        ids.set_end(out);
    }

    void merge(std::string_view word, Checkpoint& checkpoint) {
        merged_.clear();
        for (std::size_t begin = 0; begin < word.size();) {
            const std::size_t end = merger_.part_end(word, begin);
            append_part(word.substr(begin, end - begin), word.size(), checkpoint);
            begin = end;
        }
    }

    // In a script without spaces, the same parts of long words occur again and again.
    void append_part(std::string_view part, std::size_t word_size, Checkpoint& checkpoint) {
        if (part.size() == 1) {
            merged_.push_back(tables_->byte_ids[static_cast<unsigned char>(part[0])]);
            return;
        }
        if (word_size <= longest_short_word || part.size() > longest_short_word) {
            merger_.merge(part, merged_, checkpoint);
            return;
        }
        const WordKey key = key_of(part);
        const std::span<const StoredId> known = cache_.find(part, key);
        if (!known.empty()) {
            merged_.insert(merged_.end(), known.begin(), known.end());
            return;
        }
        const std::size_t n_before = merged_.size();
        merger_.merge(part, merged_, checkpoint);
        cache_.insert(part, key, std::span(merged_).subspan(n_before));
    }

    const MergeTables* tables_;
    const Scanner* scanner_;
    WordCache<StoredId> cache_;
    WordMerger merger_;
    std::vector<Id> merged_;
};

}  // namespace

std::unique_ptr<TextEncoder> make_text_encoder(std::size_t width, const MergeTables& tables,
                                               const Scanner& scanner, std::size_t cache_bytes) {
    if (width == sizeof(std::uint16_t)) {
        return std::make_unique<CachingEncoder<std::uint16_t>>(tables, scanner, cache_bytes);
    }
    return std::make_unique<CachingEncoder<Id>>(tables, scanner, cache_bytes);
}

}  // namespace paribus::bpe
