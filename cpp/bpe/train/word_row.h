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

// Looks up the count of the word at a position. Words with equal counts are adjacent, so a few
// numbers describe the whole row.
class CountRuns {
  public:
    using Position = std::uint32_t;

    // Adds a run of `n_places` whose words each occur `count` times.
    void append(std::size_t n_places, Count count);

    // Call this after the last run and before the first reader.
    void index();

    std::size_t size() const { return counts_.size(); }
    Count count(std::size_t run) const { return counts_[run]; }
    std::size_t end(std::size_t run) const { return ends_[run]; }

    // Reads counts at ascending positions.
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

// A token keeps the position of its first byte for life. Its symbol is stored at its first and at
// its last byte, so that its length leads to both neighbours. `inside` marks a place where a token
// began that is now the right part of another one, unless that is the last byte. So a position
// holds a symbol only while the symbol's token begins or ends there.
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
