// Learns merges from text: the most frequent pair of neighbours becomes a token, again and again.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bpe/parallel.h"
#include "bpe/pretokenizer.h"
#include "bpe/segments.h"
#include "bpe/types.h"
#include "bpe/word_table.h"

namespace bpe {

// Which of several equally frequent pairs is merged first.
enum class Ties {
    greatest_bytes,  // the greatest pair of byte strings (CS336)
    smallest_ids,    // the smallest pair of ids (Hugging Face)
};

Ties ties_of(std::string_view name);

// Counts the pretokens of one text that arrives in blocks, cut anywhere.
class WordCounter {
  public:
    WordCounter(Pattern pattern, SpecialTokens specials, std::size_t n_threads);

    void add(std::string_view block, const Poll& poll);
    // The counts of all blocks; the counter is empty afterwards.
    WordTable finish(const Poll& poll);
    std::uint64_t n_bytes() const { return n_bytes_; }

  private:
    void count(std::string_view text, std::size_t end, const Poll& poll);
    std::size_t sure_end() const;

    Pattern pattern_;
    SpecialTokens specials_;
    std::vector<WordTable> tables_;   // one a thread
    std::string pending_;             // what no sure border ends yet
    std::size_t next_try_ = 1 << 20;  // pending bytes at which borders are looked for
    std::uint64_t n_bytes_ = 0;
};

struct TrainingSettings {
    std::array<TokenId, 256> byte_ids;
    TokenId first_merge_id;
    std::uint64_t n_new_ids;  // merges whose bytes are a token already reuse its id
    Ties ties;
    std::uint64_t max_token_length;  // in bytes; 0 for no limit
};

struct TrainingResult {
    std::vector<Merge> merges;  // in order of creation
    bool ran_out;               // no pair was left before n_new_ids were made
};

// Called with the number of new ids made so far; it may throw to stop.
using MergeProgress = std::function<void(std::uint64_t n_new_ids)>;

// Word counts to merges. Neither the order of the words nor threads have a part in the result.
TrainingResult learn_merges(const WordTable& words, const TrainingSettings& settings,
                            const MergeProgress& progress);

}  // namespace bpe
