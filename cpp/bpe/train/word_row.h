// All distinct words in one row of symbols, the most frequent first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "bpe/checkpoint.h"
#include "bpe/types.h"
#include "bpe/words/word_source.h"
#include "bpe/zeroed_memory.h"

namespace paribus::bpe {

// Where the count of a word is looked up: words of one count stand together, so a position tells
// the count, and few numbers tell it for the whole row.
class CountRuns {
  public:
    using Position = std::uint32_t;

    // Adds a stretch of `n_places` whose words come up `count` times each.
    void append(std::size_t n_places, Count count);

    // Makes readers possible, once all runs are there.
    void index();

    std::size_t size() const { return counts_.size(); }
    Count count(std::size_t run) const { return counts_[run]; }
    std::size_t end(std::size_t run) const { return ends_[run]; }

    // Tells counts at ascending positions.
    class Reader {
      public:
        explicit Reader(const CountRuns& runs) : runs_(&runs) {}

        Count at(Position position) {
            if (position >= end_) move_to(position);
            return count_;
        }

      private:
        void move_to(Position position) {
            std::size_t run = runs_->run_of_block_[position / places_of_block];
            while (position >= runs_->ends_[run]) ++run;
            end_ = runs_->ends_[run];
            count_ = runs_->counts_[run];
        }

        const CountRuns* runs_;
        std::size_t end_ = 0;
        Count count_ = 0;
    };

  private:
    static constexpr std::size_t places_of_block = 64;

    std::vector<std::size_t> ends_;
    std::vector<Count> counts_;
    std::vector<std::uint32_t> run_of_block_;  // the run that holds the first place of each block
};

// A token keeps the position of its first byte for life. Its symbol stands at its first and at its
// last byte, so that its length leads to both neighbours. `inside` stands where a token began that
// is now the right part of another, unless the last byte is there: so a position holds a symbol
// only while the symbol's token begins or ends there.
template <typename Symbol>
class WordRow {
  public:
    using Position = CountRuns::Position;

    static constexpr Symbol inside = std::numeric_limits<Symbol>::max();

    WordRow(WordSource words, Checkpoint& checkpoint);

    // Each word with a border on both sides.
    std::size_t size() const { return size_; }
    const CountRuns& runs() const { return runs_; }

    const Symbol& at(Position position) const { return symbols()[position]; }

    // Replaces a token of `left_length` bytes at a position and the next one by `merged`, which has
    // `length` bytes.
    void merge(Position position, Symbol merged, std::uint32_t left_length, std::uint32_t length) {
        Symbol* const first = symbols() + position;
        first[left_length] = inside;
        first[length - 1] = merged;
        first[0] = merged;
    }

  private:
    Symbol* symbols() const { return static_cast<Symbol*>(memory_.data()); }

    CountRuns runs_;
    std::size_t size_;
    ZeroedMemory memory_;  // zero is a border
};

}  // namespace paribus::bpe
