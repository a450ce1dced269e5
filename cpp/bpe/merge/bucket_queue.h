// A queue of positions with one bucket per rank; the lowest rank is taken first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "bpe/checkpoint.h"
#include "bpe/types.h"

namespace paribus::bpe {

// Adding takes constant time, and only ranks pass through a heap, never positions, so many
// positions of few ranks cost linear time.
class BucketQueue {
  public:
    using Rank = std::uint32_t;
    using Position = std::uint32_t;

    // Empties the queue and makes room for ranks below `n_ranks` and for all positions at once,
    // because growing by copies would take twice the memory.
    void reset(std::size_t n_ranks, std::size_t n_positions) {
        if (!ranks_.empty() || heads_.size() != n_ranks) heads_.assign(n_ranks, absent);
        ranks_ = {};
        entries_.clear();
        entries_.reserve(n_positions);
        first_free_ = absent;
    }

    bool empty() const { return ranks_.empty(); }

    void add(Rank rank, Position position) {
        if (heads_[rank] == absent) ranks_.push(rank);
        const std::uint32_t place = free_place();
        entries_[place] = {position, heads_[rank]};
        heads_[rank] = place;
    }

    // Removes and returns the lowest rank that has positions, and stores these in `positions`,
    // ascending.
    Rank take_lowest(std::vector<Position>& positions, Checkpoint& checkpoint) {
        const Rank rank = ranks_.top();
        ranks_.pop();
        positions.clear();
        std::uint32_t place = std::exchange(heads_[rank], absent);
        while (place != absent) {
            positions.push_back(entries_[place].position);
            checkpoint.spend(1);
            place = std::exchange(entries_[place].next, std::exchange(first_free_, place));
        }
        std::reverse(positions.begin(), positions.end());
        if (!std::is_sorted(positions.begin(), positions.end())) {
            std::sort(positions.begin(), positions.end());
        }
        return rank;
    }

    // The lowest rank that has positions, or `absent`.
    Rank lowest() const { return ranks_.empty() ? absent : ranks_.top(); }

  private:
    struct Entry {
        Position position;
        std::uint32_t next;  // in the same bucket, or the next free place
    };

    std::uint32_t free_place() {
        if (first_free_ == absent) {
            entries_.push_back({});
            return static_cast<std::uint32_t>(entries_.size() - 1);
        }
        return std::exchange(first_free_, entries_[first_free_].next);
    }

    std::vector<std::uint32_t> heads_;  // by rank: the entry added last
    std::vector<Entry> entries_;
    std::uint32_t first_free_ = absent;
    std::priority_queue<Rank, std::vector<Rank>, std::greater<>> ranks_;  // with positions
};

}  // namespace paribus::bpe
