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

// The blocks are consecutive pieces of one text, cut anywhere. Neither the cuts nor the number of
// threads changes the counts. Special tokens are borders and are not counted.
class PretokenCounter {
  public:
    // Text is counted as soon as `batch_size` bytes are pending.
    PretokenCounter(Pattern pattern, std::vector<std::string> specials, std::size_t n_threads,
                    std::size_t batch_size);

    // Takes the next block. `after_batch` is called after each batch and may throw.
    void feed(std::string_view block, const Poll& after_batch);

    // Counts the pending text, as the text ends here.
    void count_rest(const Poll& poll);

    // The counts since the last call, one table per thread.
    std::vector<WordCounts> take();

    // The memory of the tables in bytes.
    std::size_t n_table_bytes() const;

    // The number of bytes fed, including special tokens.
    Count n_bytes() const { return n_bytes_; }

  private:
    std::size_t settled_end(bool is_last);
    void count_pending(bool is_last, const Poll& poll);
    void count_pieces(const std::vector<std::string_view>& pieces, const Poll& poll);

    Pattern pattern_;
    Scanner scanner_;
    SpecialTokens specials_;
    std::size_t batch_size_;
    std::vector<WordCounts> counts_;  // one per thread
    std::string pending_;             // text whose split is still open; begins at a border
    std::size_t searched_ = 0;  // pending text before this has no special token and no safe cut
    Count n_bytes_ = 0;
};

}  // namespace paribus::bpe
