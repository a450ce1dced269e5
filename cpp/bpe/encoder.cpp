#include "bpe/encoder.h"

#include <algorithm>
#include <limits>
#include <queue>

namespace bpe {
namespace {

constexpr std::size_t piece_size = 1 << 20;
constexpr std::size_t longest_cached_word = 64;
constexpr std::size_t cache_limit = 64 << 20;  // bytes
constexpr std::size_t short_word = 48;         // ids up to which a scan for the minimum is fastest

std::uint64_t pair_key(TokenId left, TokenId right) { return std::uint64_t{left} << 32 | right; }

std::size_t pair_slot(std::uint64_t key, std::size_t mask) {
    key *= 0x9E3779B97F4A7C15;
    return (key ^ (key >> 32)) & mask;
}

}  // namespace

PairTable::PairTable(std::span<const IdMerge> merges) {
    std::size_t size = 16;
    while (size < 2 * merges.size()) size *= 2;
    slots_.resize(size);
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
        const IdMerge& merge = merges[rank];
        const std::uint64_t key = pair_key(merge.left, merge.right);
        std::size_t slot = pair_slot(key, size - 1);
        while (slots_[slot].pair != no_pair && slots_[slot].pair != key)
            slot = (slot + 1) & (size - 1);
        if (slots_[slot].pair == no_pair) {
            slots_[slot] = {key, static_cast<std::uint32_t>(rank), merge.result};
        }
    }
}

const PairTable::Slot& PairTable::find(TokenId left, TokenId right) const {
    const std::uint64_t key = pair_key(left, right);
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = pair_slot(key, mask);
    while (slots_[slot].pair != key) {
        if (slots_[slot].pair == no_pair) return absent_;
        slot = (slot + 1) & mask;
    }
    return slots_[slot];
}

// Words already encoded: the value of a word is where its ids start and how many they are.
class Encoder::Cache {
  public:
    bool append(std::string_view word, std::uint64_t hash, std::vector<TokenId>& ids) const {
        const WordTable::Entry* entry = words_.find(word, hash);
        if (entry == nullptr) return false;
        const auto start = ids_.begin() + static_cast<std::ptrdiff_t>(entry->value >> 8);
        ids.insert(ids.end(), start, start + static_cast<std::ptrdiff_t>(entry->value & 0xFF));
        return true;
    }

    void keep(std::string_view word, std::uint64_t hash, std::span<const TokenId> ids) {
        if (words_.memory() + ids_.capacity() * sizeof(TokenId) > cache_limit) {
            words_.clear();
            ids_.clear();
        }
        words_.entry(word, hash).value = std::uint64_t{ids_.size()} << 8 | ids.size();
        ids_.insert(ids_.end(), ids.begin(), ids.end());
    }

  private:
    WordTable words_;
    std::vector<TokenId> ids_;
};

// One cache for the time of a call, given back at its end.
class Encoder::CacheLoan {
  public:
    explicit CacheLoan(const Encoder& encoder) : encoder_(encoder) {
        const std::lock_guard<std::mutex> guard(encoder.caches_lock_);
        if (encoder.caches_.empty()) {
            cache_ = std::make_unique<Cache>();
        } else {
            cache_ = std::move(encoder.caches_.back());
            encoder.caches_.pop_back();
        }
    }
    ~CacheLoan() {
        try {
            const std::lock_guard<std::mutex> guard(encoder_.caches_lock_);
            encoder_.caches_.push_back(std::move(cache_));
        } catch (...) {  // without room for it the cache is dropped
        }
    }
    CacheLoan(const CacheLoan&) = delete;
    CacheLoan& operator=(const CacheLoan&) = delete;

    Cache& operator*() { return *cache_; }

  private:
    const Encoder& encoder_;
    std::unique_ptr<Cache> cache_;
};

Encoder::Encoder(const std::array<TokenId, 256>& byte_ids, std::span<const IdMerge> merges,
                 SpecialTokens specials, std::vector<std::string> tokens, Pattern pattern)
    : byte_ids_(byte_ids),
      pairs_(merges),
      specials_(std::move(specials)),
      tokens_(std::move(tokens)),
      pattern_(pattern) {}

Encoder::~Encoder() = default;

std::vector<TokenId> Encoder::encode(std::string_view text, bool allow_special,
                                     std::size_t n_threads, const Poll& poll) const {
    const SpecialTokens& specials = allow_special ? specials_ : no_specials_;
    const std::vector<Piece> pieces = cut_into_pieces(text, specials, pattern_, piece_size);
    std::vector<TokenId> ids;
    if (pieces.size() <= 1 || n_threads <= 1) {
        CacheLoan cache(*this);
        for (const Piece& piece : pieces) {
            if (poll && piece.end - piece.begin > piece_size / 2) poll();
            encode_piece(text, piece, *cache, ids);
        }
        return ids;
    }
    std::vector<std::vector<TokenId>> parts(pieces.size());
    for_each_piece(pieces.size(), n_threads, poll, [&](std::size_t i, std::size_t) {
        CacheLoan cache(*this);
        encode_piece(text, pieces[i], *cache, parts[i]);
    });
    std::size_t total = 0;
    for (const auto& part : parts) total += part.size();
    ids.reserve(total);
    for (const auto& part : parts) ids.insert(ids.end(), part.begin(), part.end());
    return ids;
}

std::pair<std::vector<TokenId>, std::vector<std::uint64_t>> Encoder::encode_many(
    std::span<const std::string_view> texts, bool allow_special, std::size_t n_threads,
    const Poll& poll) const {
    // Groups of texts, so that a thread takes the lock of the caches seldom.
    const std::size_t n_shares = 8 * std::max<std::size_t>(n_threads, 1);
    const std::size_t group = std::max<std::size_t>(1, texts.size() / n_shares);
    const std::size_t n_groups = (texts.size() + group - 1) / group;
    const SpecialTokens& specials = allow_special ? specials_ : no_specials_;
    std::vector<std::vector<TokenId>> parts(n_groups);
    std::vector<std::uint64_t> offsets(texts.size() + 1, 0);
    for_each_piece(n_groups, n_threads, poll, [&](std::size_t i, std::size_t) {
        CacheLoan cache(*this);
        for (std::size_t t = i * group; t < std::min(texts.size(), (i + 1) * group); ++t) {
            const std::size_t before = parts[i].size();
            for (const Piece& piece : cut_into_pieces(texts[t], specials, pattern_, piece_size)) {
                encode_piece(texts[t], piece, *cache, parts[i]);
            }
            offsets[t + 1] = parts[i].size() - before;
        }
    });
    for (std::size_t t = 0; t < texts.size(); ++t) offsets[t + 1] += offsets[t];
    std::vector<TokenId> ids;
    ids.reserve(offsets.back());
    for (const auto& part : parts) ids.insert(ids.end(), part.begin(), part.end());
    return {std::move(ids), std::move(offsets)};
}

std::string Encoder::decode(std::span<const TokenId> ids) const {
    std::string text;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] >= tokens_.size()) {
            throw Error("token " + std::to_string(i) + ": expected an id below " +
                        std::to_string(tokens_.size()) + ", found " + std::to_string(ids[i]));
        }
        text += tokens_[ids[i]];
    }
    return text;
}

void Encoder::encode_piece(std::string_view text, const Piece& piece, Cache& cache,
                           std::vector<TokenId>& ids) const {
    if (piece.is_special) {
        ids.push_back(piece.special_id);
        return;
    }
    for_each_pretoken(text, piece, pattern_,
                      [&](std::string_view word) { append_word(word, cache, ids); });
}

void Encoder::append_word(std::string_view word, Cache& cache, std::vector<TokenId>& ids) const {
    const bool is_cached = word.size() <= longest_cached_word;
    const std::uint64_t hash = is_cached ? hash_bytes(word) : 0;
    if (is_cached && cache.append(word, hash, ids)) return;
    std::vector<TokenId> merged;
    merged.reserve(word.size());
    for (const char c : word) merged.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    merge(merged);
    if (is_cached) cache.keep(word, hash, merged);
    ids.insert(ids.end(), merged.begin(), merged.end());
}

// Merges the pair of lowest rank, the leftmost first, until no pair has a rank.
void Encoder::merge(std::vector<TokenId>& ids) const {
    if (ids.size() > short_word) return merge_long(ids);
    std::array<std::uint32_t, short_word> ranks;
    std::array<TokenId, short_word> results;
    const auto look_up = [&](std::size_t i) {
        const PairTable::Slot& slot = pairs_.find(ids[i], ids[i + 1]);
        ranks[i] = slot.rank;
        results[i] = slot.result;
    };
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) look_up(i);
    while (ids.size() > 1) {
        const auto end = ranks.begin() + static_cast<std::ptrdiff_t>(ids.size() - 1);
        const auto lowest = std::min_element(ranks.begin(), end);
        if (*lowest == PairTable::no_rank) return;
        const std::size_t at = static_cast<std::size_t>(lowest - ranks.begin());
        ids[at] = results[at];
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
        std::copy(lowest + 1, end, lowest);
        std::copy(results.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                  results.begin() + (end - ranks.begin()),
                  results.begin() + static_cast<std::ptrdiff_t>(at));
        if (at + 1 < ids.size()) look_up(at);
        if (at > 0) look_up(at - 1);
    }
}

// The same for long words: a queue of pairs over a list of ids; stale entries are passed over.
void Encoder::merge_long(std::vector<TokenId>& ids) const {
    if (ids.size() >= std::numeric_limits<std::uint32_t>::max()) {
        throw Error("a pretoken of " + std::to_string(ids.size()) + " bytes: expected under 4 GiB");
    }
    struct Candidate {
        std::uint32_t rank, position;
        TokenId left, right;
        bool operator>(const Candidate& other) const {
            return rank != other.rank ? rank > other.rank : position > other.position;
        }
    };
    constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    const auto n = static_cast<std::uint32_t>(ids.size());
    std::vector<std::uint32_t> next(n), previous(n);
    for (std::uint32_t i = 0; i < n; ++i) {
        next[i] = i + 1 < n ? i + 1 : none;
        previous[i] = i > 0 ? i - 1 : none;
    }
    std::vector<Candidate> initial;
    for (std::uint32_t i = 0; i + 1 < n; ++i) {
        const std::uint32_t rank = pairs_.find(ids[i], ids[i + 1]).rank;
        if (rank != PairTable::no_rank) initial.push_back({rank, i, ids[i], ids[i + 1]});
    }
    std::priority_queue queue(std::greater<Candidate>{}, std::move(initial));
    const auto offer = [&](std::uint32_t at) {
        if (at == none || next[at] == none) return;
        const std::uint32_t rank = pairs_.find(ids[at], ids[next[at]]).rank;
        if (rank != PairTable::no_rank) queue.push({rank, at, ids[at], ids[next[at]]});
    };
    constexpr TokenId gone = std::numeric_limits<TokenId>::max();
    while (!queue.empty()) {
        const Candidate best = queue.top();
        queue.pop();
        const std::uint32_t at = best.position;
        const std::uint32_t right = next[at];
        if (ids[at] != best.left || right == none || ids[right] != best.right) continue;
        ids[at] = pairs_.find(best.left, best.right).result;
        ids[right] = gone;
        next[at] = next[right];
        if (next[at] != none) previous[next[at]] = at;
        offer(at);
        offer(previous[at]);
    }
    std::erase(ids, gone);
}

}  // namespace bpe
