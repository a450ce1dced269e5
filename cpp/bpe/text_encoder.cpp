#include "bpe/text_encoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "bpe/prefetch.h"
#include "bpe/word_cache.h"
#include "bpe/word_merger.h"

namespace paribus::bpe {
namespace {

// Fewer than a scanner's batch: what one pass prefetches stays near until the next pass.
constexpr std::size_t n_lookups = 128;

template <typename Token>
class CachingEncoder final : public TextEncoder {
  public:
    CachingEncoder(const MergeTables& tables, const Scanner& scanner, std::size_t cache_bytes)
        : tables_(&tables), scanner_(&scanner), cache_(cache_bytes), merger_(tables) {}

    void append(std::string_view text, Ids& ids, Checkpoint& checkpoint) override {
        Scanner::Batch batch;
        for (std::size_t begin = 0; begin < text.size();) {
            std::span<const std::size_t> ends = scanner_->scan(text, begin, batch);
            while (!ends.empty()) {
                const auto some = ends.first(std::min(ends.size(), n_lookups));
                append_words(text, begin, some, ids, checkpoint);
                checkpoint.spend(some.back() - begin);
                begin = some.back();
                ends = ends.subspan(some.size());
            }
        }
    }

    void remember_token(std::string_view word, Id id) override {
        if (word.size() > longest_cached_word) return;
        Checkpoint unchecked({});
        merge(word, unchecked);
        if (merged_.size() != 1 || merged_[0] != id) return;
        const WordLookup lookup = lookup_of(word);
        if (cache_.find(word, lookup).empty()) cache_.insert(word, lookup, merged_);
    }

    std::unique_ptr<TextEncoder> clone() const override {
        auto copy = std::make_unique<CachingEncoder>(*tables_, *scanner_, cache_.most_bytes());
        copy->cache_.copy_from(cache_);
        return copy;
    }

  private:
    void append_words(std::string_view text, std::size_t begin, std::span<const std::size_t> ends,
                      Ids& ids, Checkpoint& checkpoint) {
        const auto lookups = look_up(text, begin, ends);
        for (std::size_t i = 0; i < ends.size(); ++i) {
            Token* out = ids.end_with_room<Token>(room_for(ends.size() - i));
            i += cache_.append_known(lookups.subspan(i), out);
            ids.set_end(out);
            if (i == ends.size()) return;
            const std::size_t word = i == 0 ? begin : ends[i - 1];
            append_ids(ids_of(text.substr(word, ends[i] - word), lookups[i], checkpoint), ids);
        }
    }

    // Each short word writes one value whole, and has at most one id a byte.
    static std::size_t room_for(std::size_t n_words) {
        return n_words * longest_short_word + sizeof(WordValue<Token>) / sizeof(Token);
    }

    // First pass: the keys of the words; the memory of their entries is on its way then.
    std::span<const WordLookup> look_up(std::string_view text, std::size_t begin,
                                        std::span<const std::size_t> ends) {
        const bool can_read_on = text.size() - ends.back() >= sizeof(WordKey);
        WordLookup* lookup = lookups_.data();
        for (const std::size_t end : ends) {
            const std::size_t length = end - begin;
            if (length <= longest_short_word && can_read_on) {
                *lookup = WordLookup(short_word_key(text.data() + begin, length));
                prefetch(cache_.short_place(lookup->hash));
            } else {
                *lookup = lookup_of(text.substr(begin, length));
                prefetch(cache_.place_of(*lookup));
            }
            ++lookup;
            begin = end;
        }
        return std::span(lookups_).first(ends.size());
    }

    static WordLookup lookup_of(std::string_view word) {
        if (word.size() <= longest_short_word) return WordLookup(short_word_key(word));
        return WordLookup(word.size() <= longest_cached_word ? hash_of_bytes(word) : 0);
    }

    // The ids of a word, from the cache or merged and remembered; until the next call.
    std::span<const Id> ids_of(std::string_view word, const WordLookup& lookup,
                               Checkpoint& checkpoint) {
        if (word.size() <= longest_cached_word) {
            const std::span<const Id> known = cache_.find(word, lookup);
            if (!known.empty()) return known;
        }
        merge(word, checkpoint);
        if (word.size() <= longest_cached_word) cache_.insert(word, lookup, merged_);
        return merged_;
    }

    void merge(std::string_view word, Checkpoint& checkpoint) {
        merged_.clear();
        for (std::size_t begin = 0; begin < word.size();) {
            const std::size_t end = merger_.part_end(word, begin);
            append_part(word.substr(begin, end - begin), end - begin < word.size(), checkpoint);
            begin = end;
        }
    }

    // Parts of words come up again and again in a script without spaces.
    void append_part(std::string_view part, bool is_proper, Checkpoint& checkpoint) {
        if (part.size() == 1) {
            merged_.push_back(tables_->byte_ids[static_cast<unsigned char>(part[0])]);
            return;
        }
        if (!is_proper || part.size() > longest_short_word) {
            merger_.merge(part, merged_, checkpoint);
            return;
        }
        const WordLookup lookup = lookup_of(part);
        const std::span<const Id> known = cache_.find(part, lookup);
        if (!known.empty()) {
            merged_.insert(merged_.end(), known.begin(), known.end());
            return;
        }
        const std::size_t n_before = merged_.size();
        merger_.merge(part, merged_, checkpoint);
        cache_.insert(part, lookup, std::span(merged_).subspan(n_before));
    }

    static void append_ids(std::span<const Id> from, Ids& ids) {
        Token* out = ids.end_with_room<Token>(from.size());
        for (const Id id : from) *out++ = static_cast<Token>(id);
        ids.set_end(out);
    }

    const MergeTables* tables_;
    const Scanner* scanner_;
    WordCache<Token> cache_;
    WordMerger merger_;
    std::array<WordLookup, n_lookups> lookups_;
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
