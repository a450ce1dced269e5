// Learns merges from counted words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bpe/pair_table.h"
#include "bpe/parallel.h"
#include "bpe/token_row.h"
#include "bpe/trainer.h"
#include "bpe/types.h"
#include "bpe/word_table.h"

namespace paribus::bpe {

// The distinct words stand one after another in one row. Each pair keeps its count, always exact,
// and the positions where it stood at some time. A heap holds upper bounds of the counts: the
// greatest is merged if its bound is its count, else it goes back with its count.
//
// Tokens are numbered here 0 = border of words, 1 to 256 = bytes, then new tokens.
class MergeLearner {
  public:
    MergeLearner(const WordTable& words, const TrainingOptions& options, Progress progress);

    // Merges until there are as many new ids as asked for; false where the pairs run out before.
    bool learn();

    const std::vector<Merge>& merges() const { return merges_; }

  private:
    using Token = Id;
    using PairNumber = std::uint32_t;
    using Position = std::uint32_t;

    struct Pair {
        Pair(Token left_token, Token right_token) : left(left_token), right(right_token) {}

        Token left;
        Token right;
        Count count = 0;
        Count bound = 0;         // the count in its valid entry of the heap; 0: it has none
        bool is_listed = false;  // in `grown_`
        std::vector<Position> positions;
    };
    struct Candidate {
        Count bound;
        PairNumber pair;
    };

    void add_byte_tokens(const TrainingOptions& options);
    void lay_out(const WordTable& words);
    void add_word(std::string_view word);
    void count_pairs();

    bool is_less(const Candidate& a, const Candidate& b) const;
    bool ties_before(const Pair& a, const Pair& b) const;
    void push(PairNumber number);
    void push_grown();
    PairNumber pop_greatest();

    Token token_of(const Pair& pair);
    std::vector<Position> take_positions(Pair& pair);
    void merge_everywhere(PairNumber number);
    void merge_at(Position position, Token left, Token right, Token merged);
    void gain(Token left, Token right, Position position, Count count);
    void lose(Token left, Token right, Count count);
    void report();

    Ties ties_;
    Count n_merges_;
    std::size_t max_token_length_;
    Id first_merge_id_;
    Progress progress_;
    Checkpoint checkpoint_;

    std::vector<std::string> tokens_;
    std::vector<std::uint32_t> lengths_;
    std::vector<Id> ids_;    // of the vocabulary, by token
    WordTable token_of_bytes_;
    Count n_new_ids_ = 0;
    std::vector<Merge> merges_;

    TokenRow row_;
    std::vector<std::uint32_t> word_at_;  // by position
    std::vector<Count> word_counts_;
    std::vector<Pair> pairs_;
    PairTable pair_numbers_;
    std::vector<Candidate> heap_;
    std::vector<PairNumber> grown_;  // pairs whose count rose above their bound since the last push
};

}  // namespace paribus::bpe
