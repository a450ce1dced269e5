#include "bpe/train/merge_learner.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "bpe/checkpoint.h"
#include "bpe/prefetch.h"
#include "bpe/train/bound_buckets.h"
#include "bpe/train/token_list.h"
#include "bpe/train/word_row.h"
#include "bpe/zeroed_memory.h"

namespace paribus::bpe {
namespace {

constexpr Count merges_between_reports = 256;
constexpr std::size_t places_ahead = 16;                      // fetched before they are read
constexpr std::size_t places_of_step = std::size_t{1} << 16;  // between two checks for a signal

using Position = CountRuns::Position;

// Two adjacent tokens. All positions of the pair arise in one merge, that of its newer token; later
// some become stale.
template <typename Symbol>
struct Pair {
    Count bound;          // its last known count; counts only fall
    Position* positions;  // ascending
    std::uint32_t n_positions;
    Symbol left;
    Symbol right;
};

// What is known about a new pair before its positions are stored.
struct Tally {
    Count count = 0;
    std::uint32_t n_positions = 0;
    Position* next = nullptr;  // where its next position goes
};

enum class Side { left, right };

template <typename Symbol>
class MergeLearner {
  public:
    MergeLearner(WordSource words, const TrainingOptions& options, const Progress& progress)
        : n_merges_(options.n_merges),
          longest_token_(
              options.max_token_length.value_or(std::numeric_limits<std::size_t>::max())),
          progress_(progress),
          checkpoint_([this] { report(); }),
          tokens_(options),
          row_(std::exchange(words, {}), checkpoint_),  // the words are no longer needed
          // Each place begins at most one pair of bytes, and each merge, which makes the row one
          // token shorter, ends at most one pair. Unused memory is never touched.
          positions_(std::make_unique_for_overwrite<Position[]>(2 * row_.size())),
          free_positions_(positions_.get()) {
        ask_for_big_pages(positions_.get(), 2 * row_.size() * sizeof(Position));
    }

    LearnedMerges learn() {
        report();
        add_pairs_of_bytes();
        Pair<Symbol> pair;
        while (merges_.size() < n_merges_ && take_greatest(pair)) {
            merge_everywhere(pair);
            if (merges_.size() % merges_between_reports == 0) report();
        }
        report();
        return {merges_in_bytes(), merges_.size() < n_merges_};
    }

  private:
    using PairOf = Pair<Symbol>;

    void add_pairs_of_bytes() {
        if (longest_token_ < 2) return;
        std::vector<Tally> tallies(256 * 256);
        for_each_pair_of_bytes([&](std::size_t pair, Position, Count count) {
            ++tallies[pair].n_positions;
            tallies[pair].count += count;
        });
        for (Tally& tally : tallies) reserve(tally, free_positions_);
        for_each_pair_of_bytes(
            [&](std::size_t pair, Position position, Count) { *tallies[pair].next++ = position; });
        for (std::size_t pair = 0; pair < tallies.size(); ++pair) {
            if (tallies[pair].n_positions == 0) continue;
            add_pair(tallies[pair], 1 + pair / 256, 1 + pair % 256);
        }
    }

    // Calls `visit(256 * left byte + right byte, position, count)`.
    template <typename Visit>
    void for_each_pair_of_bytes(Visit&& visit) {
        CountRuns::Reader counts(row_.runs());
        for_each_below(row_.size() - 1, [&](std::size_t place) {
            const auto position = static_cast<Position>(place);
            const std::size_t left = row_.at(position), right = row_.at(position + 1);
            if (left == border || right == border) return;
            visit(256 * (left - 1) + right - 1, position, counts.at(position));
        });
    }

    // The pair to merge next, without stale positions; false if there is none.
    bool take_greatest(PairOf& pair) {
        while (pairs_.pop(pair, order_)) {
            const Count count = recount(pair);
            if (count == pair.bound) return true;
            pair.bound = count;
            if (count != 0) pairs_.push(pair, order_);
        }
        return false;
    }

    // Counts a pair and drops its stale positions.
    Count recount(PairOf& pair) {
        CountRuns::Reader counts(row_.runs());
        Count count = 0;
        keep_positions(pair, [&](Position position) { count += counts.at(position); });
        return count;
    }

    // Calls `visit(position)` wherever the pair still occurs, and drops its other positions.
    template <typename Visit>
    void keep_positions(PairOf& pair, Visit&& visit) {
        Position* const positions = pair.positions;
        const std::size_t last = pair.n_positions - std::size_t{1};
        const Symbol left = pair.left, right = pair.right;
        const std::uint32_t left_length = tokens_.length(left);
        std::uint32_t n_kept = 0;
        for_each_below(pair.n_positions, [&](std::size_t i) {
            prefetch(&row_.at(positions[std::min(i + places_ahead, last)]));
            const Position position = positions[i];
            if (row_.at(position) != left || row_.at(position + left_length) != right) return;
            positions[n_kept++] = position;
            visit(position);
        });
        pair.n_positions = n_kept;
    }

    // Merges from left to right: in a run of equal tokens, the first two merge. The memory of the
    // pair's positions is then free, and enough for the positions of the pairs with its right
    // neighbours.
    void merge_everywhere(PairOf& pair) {
        merges_.emplace_back(pair.left, pair.right);
        const auto merged = static_cast<Symbol>(tokens_.add(pair.left, pair.right));
        const std::uint32_t left_length = tokens_.length(pair.left);
        const std::uint32_t length = tokens_.length(merged);
        sites_.clear();
        keep_positions(pair, [&](Position position) {
            row_.merge(position, merged, left_length, length);
            sites_.push_back(position);
        });
        tallies_.resize(tokens_.size());
        add_pairs_with<Side::left>(merged, free_positions_);
        add_pairs_with<Side::right>(merged, pair.positions);
    }

    // Adds the pairs of a new token and its neighbours on one side. Stores their positions at
    // `free`, which it advances.
    template <Side side>
    void add_pairs_with(Symbol merged, Position*& free) {
        CountRuns::Reader counts(row_.runs());
        for_each_neighbour<side>(merged, [&](Symbol neighbour, Position position) {
            Tally& tally = tallies_[neighbour];
            if (tally.n_positions++ == 0) neighbours_.push_back(neighbour);
            tally.count += counts.at(position);
        });
        for (const Symbol neighbour : neighbours_) reserve(tallies_[neighbour], free);
        for_each_neighbour<side>(merged, [&](Symbol neighbour, Position position) {
            *tallies_[neighbour].next++ = position;
        });
        for (const Symbol neighbour : neighbours_) {
            const Tally tally = std::exchange(tallies_[neighbour], {});
            if (side == Side::left) add_pair(tally, neighbour, merged);
            if (side == Side::right) add_pair(tally, merged, neighbour);
        }
        neighbours_.clear();
    }

    // Calls `visit(neighbour, position of the pair)`.
    template <Side side, typename Visit>
    void for_each_neighbour(Symbol merged, Visit&& visit) {
        const std::uint32_t length = tokens_.length(merged);
        for_each_below(sites_.size(), [&](std::size_t i) {
            const Position position = sites_[i];
            const Symbol neighbour = row_.at(side == Side::left ? position - 1 : position + length);
            if (neighbour == border) return;
            // If the new token follows itself, the first of the two reports the pair.
            if (side == Side::left && neighbour == merged) return;
            const std::uint32_t neighbour_length = tokens_.length(neighbour);
            if (std::size_t{length} + neighbour_length > longest_token_) return;
            visit(neighbour, side == Side::left ? position - neighbour_length : position);
        });
    }

    static void reserve(Tally& tally, Position*& free) {
        tally.next = free;
        free += tally.n_positions;
    }

    void add_pair(const Tally& tally, std::size_t left, std::size_t right) {
        pairs_.push({tally.count, tally.next - tally.n_positions, tally.n_positions,
                     static_cast<Symbol>(left), static_cast<Symbol>(right)},
                    order_);
    }

    // Calls `visit(i)` for i from 0 to n - 1, and checks for a signal now and then.
    template <typename Visit>
    void for_each_below(std::size_t n, Visit&& visit) {
        for (std::size_t begin = 0; begin < n; begin += places_of_step) {
            const std::size_t end = std::min(n, begin + places_of_step);
            for (std::size_t i = begin; i < end; ++i) visit(i);
            checkpoint_.spend(end - begin);
        }
    }

    std::vector<Merge> merges_in_bytes() {
        positions_.reset();
        sites_ = {};
        std::vector<Merge> merges;
        merges.reserve(merges_.size());
        for (const auto& [left, right] : merges_) {
            merges.emplace_back(tokens_.bytes(left), tokens_.bytes(right));
        }
        return merges;
    }

    void report() {
        if (progress_) progress_("merge", merges_.size(), n_merges_);
    }

    struct Order {
        const TokenList* tokens;

        // Whether `a` is merged after `b`.
        bool operator()(const PairOf& a, const PairOf& b) const {
            if (a.bound != b.bound) return a.bound < b.bound;
            if (a.left != b.left) return tokens->is_before(b.left, a.left);
            return a.right != b.right && tokens->is_before(b.right, a.right);
        }
    };

    Count n_merges_;
    std::size_t longest_token_;
    const Progress& progress_;
    Checkpoint checkpoint_;
    std::vector<std::pair<Symbol, Symbol>> merges_;
    TokenList tokens_;
    WordRow<Symbol> row_;
    std::unique_ptr<Position[]> positions_;
    Position* free_positions_;
    BoundBuckets<PairOf> pairs_;
    Order order_{&tokens_};
    std::vector<Tally> tallies_;      // by neighbour
    std::vector<Symbol> neighbours_;  // that have a tally
    std::vector<Position> sites_;     // where the newest token occurs
};

}  // namespace

bool has_narrow_symbols(Count n_merges) {
    // The greatest 16-bit number marks places inside tokens.
    return n_merges <= std::numeric_limits<std::uint16_t>::max() - 257;
}

LearnedMerges learn_merges(WordSource words, const TrainingOptions& options,
                           const Progress& progress) {
    if (has_narrow_symbols(options.n_merges)) {
        return MergeLearner<std::uint16_t>(std::move(words), options, progress).learn();
    }
    return MergeLearner<std::uint32_t>(std::move(words), options, progress).learn();
}

}  // namespace paribus::bpe
