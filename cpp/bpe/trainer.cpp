#include "bpe/trainer.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <unordered_map>

namespace bpe {
namespace {

constexpr std::size_t piece_size = 1 << 20;
constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
constexpr TokenId gone = std::numeric_limits<TokenId>::max();

}  // namespace

Ties ties_of(std::string_view name) {
    if (name == "cs336") return Ties::greatest_bytes;
    if (name == "hf") return Ties::smallest_ids;
    throw Error("ties: expected cs336 or hf, found '" + std::string(name) + "'");
}

WordCounter::WordCounter(Pattern pattern, SpecialTokens specials, std::size_t n_threads)
    : pattern_(pattern),
      specials_(std::move(specials)),
      tables_(std::max<std::size_t>(1, n_threads)) {}

void WordCounter::add(std::string_view block, const Poll& poll) {
    n_bytes_ += block.size();
    pending_ += block;
    if (pending_.size() < next_try_) return;
    const std::size_t end = sure_end();
    count(pending_, end, poll);
    pending_.erase(0, end);
    // Text without borders is searched again only when it has doubled: linear in all.
    next_try_ = std::max(piece_size, 2 * pending_.size());
}

WordTable WordCounter::finish(const Poll& poll) {
    count(pending_, pending_.size(), poll);
    pending_.clear();
    WordTable all = std::move(tables_[0]);
    for (std::size_t i = 1; i < tables_.size(); ++i) {
        for (const WordTable::Entry& entry : tables_[i].entries()) {
            all.entry(tables_[i].word(entry), entry.hash).value += entry.value;
        }
    }
    tables_.assign(tables_.size(), WordTable());
    return all;
}

// Counts the pretokens that start below `end`, a sure border or the end of the text.
void WordCounter::count(std::string_view text, std::size_t end, const Poll& poll) {
    std::vector<Piece> pieces = cut_into_pieces(text, specials_, pattern_, piece_size);
    while (!pieces.empty() && pieces.back().begin >= end) pieces.pop_back();
    if (!pieces.empty()) pieces.back().end = std::min(pieces.back().end, end);
    // Small pieces go together: a thread then takes its share in one go.
    std::vector<std::size_t> starts;
    std::size_t size = piece_size;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (size >= piece_size) {
            starts.push_back(i);
            size = 0;
        }
        size += pieces[i].end - pieces[i].begin;
    }
    starts.push_back(pieces.size());
    for_each_piece(
        starts.size() - 1, tables_.size(), poll, [&](std::size_t group, std::size_t thread) {
            for (std::size_t i = starts[group]; i < starts[group + 1]; ++i) {
                if (pieces[i].is_special) continue;
                for_each_pretoken(text, pieces[i], pattern_,
                                  [&](std::string_view word) { ++tables_[thread][word]; });
            }
        });
}

// The last sure border of the pending text at which no special token is cut; 0 where there is none.
std::size_t WordCounter::sure_end() const {
    if (pending_.size() <= specials_.longest()) return 0;
    // A special token that starts behind `limit` may not be whole yet.
    const std::size_t limit = pending_.size() - specials_.longest();
    std::size_t best = 0;
    for (const Piece& piece : cut_into_pieces(pending_, specials_, pattern_, piece_size / 4)) {
        if (piece.begin > limit) break;
        best = piece.begin;
    }
    return best;
}

namespace {

// One pair of neighbours: how often it occurs, and where it was seen.
struct PairStatistics {
    TokenId left, right;
    std::int64_t count;
    std::vector<std::uint32_t> positions;  // of its left id; stale ones are passed over
};

// The words one after another, a list of live symbols through each. A symbol stands at its first
// byte; what it has taken in is `gone`.
class MergeLoop {
  public:
    MergeLoop(const WordTable& words, const TrainingSettings& settings);
    TrainingResult run(const MergeProgress& progress);

  private:
    struct Candidate {
        std::int64_t count;
        std::uint32_t pair;
    };
    struct Less {
        const MergeLoop* loop;
        bool operator()(const Candidate& a, const Candidate& b) const {
            if (a.count != b.count) return a.count < b.count;
            return a.pair != b.pair && loop->is_later(a.pair, b.pair);
        }
    };

    void lay_out(const WordTable& words);
    void count_pairs();
    bool is_later(std::uint32_t a, std::uint32_t b) const;
    bool is_short_enough(const PairStatistics& pair) const;
    std::uint32_t pair_of(TokenId left, TokenId right);
    void change(TokenId left, TokenId right, std::uint32_t position, std::int64_t by);
    TokenId id_of(const std::string& bytes);
    void merge_everywhere(std::uint32_t pair, TokenId result);
    void merge_at(std::uint32_t position, TokenId result);

    TrainingSettings settings_;
    std::vector<TokenId> symbols_;
    std::vector<std::uint32_t> next_, previous_, word_of_;
    std::vector<std::int64_t> word_counts_;
    std::vector<PairStatistics> pairs_;
    std::unordered_map<std::uint64_t, std::uint32_t> pair_index_;
    std::vector<std::uint32_t> touched_;  // pairs whose count the current merge raised
    std::vector<std::string> tokens_;     // by id
    std::unordered_map<std::string, TokenId> ids_;
    TokenId next_id_;
    std::priority_queue<Candidate, std::vector<Candidate>, Less> queue_;
};

MergeLoop::MergeLoop(const WordTable& words, const TrainingSettings& settings)
    : settings_(settings), next_id_(settings.first_merge_id), queue_(Less{this}) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
        const TokenId id = settings.byte_ids[byte];
        if (tokens_.size() <= id) tokens_.resize(std::size_t{id} + 1);
        tokens_[id] = std::string(1, static_cast<char>(byte));
        ids_[tokens_[id]] = id;
    }
    lay_out(words);
    count_pairs();
}

void MergeLoop::lay_out(const WordTable& words) {
    std::uint64_t total = 0;
    for (const WordTable::Entry& entry : words.entries()) total += entry.length;
    if (total >= none) {
        throw Error("distinct pretokens of " + std::to_string(total) +
                    " bytes: expected under 4 GiB");
    }
    symbols_.reserve(total);
    next_.reserve(total);
    previous_.reserve(total);
    word_of_.reserve(total);
    for (const WordTable::Entry& entry : words.entries()) {
        const auto start = static_cast<std::uint32_t>(symbols_.size());
        const auto end = static_cast<std::uint32_t>(start + entry.length);
        for (std::uint32_t i = start; i < end; ++i) {
            const auto byte = static_cast<unsigned char>(words.word(entry)[i - start]);
            symbols_.push_back(settings_.byte_ids[byte]);
            previous_.push_back(i > start ? i - 1 : none);
            next_.push_back(i + 1 < end ? i + 1 : none);
            word_of_.push_back(static_cast<std::uint32_t>(word_counts_.size()));
        }
        word_counts_.push_back(static_cast<std::int64_t>(entry.value));
    }
}

void MergeLoop::count_pairs() {
    for (std::uint32_t i = 0; i < symbols_.size(); ++i) {
        if (next_[i] == none) continue;
        change(symbols_[i], symbols_[next_[i]], i, word_counts_[word_of_[i]]);
    }
    for (std::uint32_t pair = 0; pair < pairs_.size(); ++pair) {
        if (is_short_enough(pairs_[pair])) queue_.push({pairs_[pair].count, pair});
    }
    touched_.clear();
}

// Whether pair `a` comes behind pair `b` of the same count.
bool MergeLoop::is_later(std::uint32_t a, std::uint32_t b) const {
    const PairStatistics& first = pairs_[a];
    const PairStatistics& second = pairs_[b];
    if (settings_.ties == Ties::smallest_ids) {
        return std::pair(first.left, first.right) > std::pair(second.left, second.right);
    }
    if (first.left != second.left) {
        const int order = tokens_[first.left].compare(tokens_[second.left]);
        if (order != 0) return order < 0;
    }
    return tokens_[first.right] < tokens_[second.right];
}

bool MergeLoop::is_short_enough(const PairStatistics& pair) const {
    const std::size_t length = tokens_[pair.left].size() + tokens_[pair.right].size();
    return settings_.max_token_length == 0 || length <= settings_.max_token_length;
}

std::uint32_t MergeLoop::pair_of(TokenId left, TokenId right) {
    const std::uint64_t key = std::uint64_t{left} << 32 | right;
    const auto [found, is_new] =
        pair_index_.try_emplace(key, static_cast<std::uint32_t>(pairs_.size()));
    if (is_new) pairs_.push_back({left, right, 0, {}});
    return found->second;
}

// Counts a pair up, remembering where, or down.
void MergeLoop::change(TokenId left, TokenId right, std::uint32_t position, std::int64_t by) {
    const std::uint32_t index = pair_of(left, right);
    PairStatistics& pair = pairs_[index];
    pair.count += by;
    if (by > 0) {
        pair.positions.push_back(position);
        touched_.push_back(index);
    }
}

TrainingResult MergeLoop::run(const MergeProgress& progress) {
    TrainingResult result{{}, false};
    std::uint64_t n_new = 0;
    for (std::uint64_t round = 0; n_new < settings_.n_new_ids;) {
        if (queue_.empty()) {
            result.ran_out = true;
            break;
        }
        const Candidate best = queue_.top();
        queue_.pop();
        const PairStatistics& pair = pairs_[best.pair];
        if (pair.count <= 0) continue;
        if (pair.count != best.count) {  // a stale count: the pair goes back with its own
            if (pair.count < best.count) queue_.push({pair.count, best.pair});
            continue;
        }
        if (progress && round++ % 64 == 0) progress(n_new);
        result.merges.emplace_back(tokens_[pair.left], tokens_[pair.right]);
        const TokenId before = next_id_;
        const TokenId id = id_of(tokens_[pair.left] + tokens_[pair.right]);
        n_new += next_id_ - before;
        merge_everywhere(best.pair, id);
    }
    return result;
}

// The id of a byte string: that of the token that has these bytes, or a new one.
TokenId MergeLoop::id_of(const std::string& bytes) {
    const auto [found, is_new] = ids_.try_emplace(bytes, next_id_);
    if (is_new) {
        if (tokens_.size() <= next_id_) tokens_.resize(std::size_t{next_id_} + 1);
        tokens_[next_id_++] = bytes;
    }
    return found->second;
}

void MergeLoop::merge_everywhere(std::uint32_t index, TokenId result) {
    const TokenId left = pairs_[index].left, right = pairs_[index].right;
    std::vector<std::uint32_t> positions = std::move(pairs_[index].positions);
    // Left to right: in a run of equal symbols the leftmost pair is merged first.
    if (!std::is_sorted(positions.begin(), positions.end())) {
        std::sort(positions.begin(), positions.end());
    }
    touched_.clear();
    for (const std::uint32_t position : positions) {
        const std::uint32_t after = next_[position];
        if (symbols_[position] == left && after != none && symbols_[after] == right) {
            merge_at(position, result);
        }
    }
    pairs_[index].count = 0;
    pairs_[index].positions.clear();
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (const std::uint32_t pair : touched_) {
        if (pairs_[pair].count > 0 && is_short_enough(pairs_[pair])) {
            queue_.push({pairs_[pair].count, pair});
        }
    }
}

void MergeLoop::merge_at(std::uint32_t position, TokenId result) {
    const std::uint32_t right = next_[position], after = next_[right], before = previous_[position];
    const std::int64_t count = word_counts_[word_of_[position]];
    if (before != none) {
        change(symbols_[before], symbols_[position], before, -count);
        change(symbols_[before], result, before, count);
    }
    if (after != none) {
        change(symbols_[right], symbols_[after], right, -count);
        change(result, symbols_[after], position, count);
        previous_[after] = position;
    }
    symbols_[position] = result;
    symbols_[right] = gone;
    next_[position] = after;
}

}  // namespace

TrainingResult learn_merges(const WordTable& words, const TrainingSettings& settings,
                            const MergeProgress& progress) {
    return MergeLoop(words, settings).run(progress);
}

}  // namespace bpe
