// Counts the distinct pretokens of a text that arrives in blocks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bpe/parallel.h"
#include "bpe/scan/cuts.h"
#include "bpe/scan/pattern.h"
#include "bpe/scan/scanner.h"
#include "bpe/scan/special_tokens.h"
#include "bpe/types.h"
#include "bpe/words/word_counts.h"

namespace paribus::bpe {

// The blocks are consecutive pieces of one text, cut anywhere; neither the cuts nor the number of
// threads change the counts. Special tokens are borders and are not counted.
class PretokenCounter {
  public:
    // It counts when `batch_size` bytes or more have come.
    PretokenCounter(Pattern pattern, std::vector<std::string> specials, std::size_t n_threads,
                    std::size_t batch_size);

    // Takes the next block. `after_batch` is called after each batch and may throw.
    void feed(std::string_view block, const Poll& after_batch);

    // Counts what is held back: the text ends here.
    void count_rest(const Poll& poll);

    // What was counted since the last call: a table of each thread.
    std::vector<WordCounts> take();

    // Bytes of the tables.
    std::size_t n_table_bytes() const;

    // Bytes taken, special tokens among them.
    Count n_bytes() const { return n_bytes_; }

  private:
    std::size_t settled_end(bool is_last);
    void count_pending(bool is_last, const Poll& poll);
    void count_pieces(const std::vector<std::string_view>& pieces, const Poll& poll);

    Pattern pattern_;
    Scanner scanner_;
    SpecialTokens specials_;
    std::size_t batch_size_;
    std::vector<WordCounts> counts_;  // one a thread
    std::string pending_;             // text whose split is not settled, from a border on
    std::size_t searched_ = 0;        // pending text below has no special token and no safe cut
    Count n_bytes_ = 0;
};

}  // namespace paribus::bpe
