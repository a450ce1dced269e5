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
// and the positions where it stood when it was new. A heap holds an upper bound of each count: the
// greatest is merged if it is the count, else it goes back as the count. Only new pairs come into
// being in a merge, so the count of a pair only falls once it is in the heap.
//
// Tokens are numbered here 0 = border of words, 1 to 256 = bytes, then new tokens.
class MergeLearner {
  public:
    MergeLearner(const WordTable& words, const TrainingOptions& options, Progress progress);

    // Merges as often as asked for; false where the pairs run out before.
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
    void push(Candidate candidate);
    Candidate pop();
    void push_new_pairs();
    PairNumber pop_greatest();

    Token add_token(Token left, Token right);
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
    std::vector<Id> ids_;  // of the vocabulary, by token
    std::vector<Merge> merges_;

    TokenRow row_;
    std::vector<std::uint32_t> word_at_;  // by position
    std::vector<Count> word_counts_;
    std::vector<Pair> pairs_;
    PairTable pair_numbers_;
    std::vector<Candidate> heap_;
    std::size_t n_pushed_ = 0;  // pairs from here on are new and not in the heap
};

}  // namespace paribus::bpe
