// Training of byte-level BPE (Sennrich et al. 2016): the most frequent pair of adjacent tokens
// becomes a new token, over and over.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bpe/train/merge_learner.h"
#include "bpe/train/options.h"
#include "bpe/train/progress.h"
#include "bpe/types.h"
#include "bpe/words/pretoken_counter.h"
#include "bpe/words/word_source.h"
#include "bpe/words/word_spill.h"

namespace paribus::bpe {

// Training needs more memory than its budget.
class MemoryLimit : public std::runtime_error {
  public:
    explicit MemoryLimit(std::size_t n_needed_bytes)
        : std::runtime_error(std::to_string(n_needed_bytes)), n_needed(n_needed_bytes) {}

    std::size_t n_needed;  // bytes that would be enough
};

struct TrainingResult {
    // In order of creation. No two make the same bytes: merges that cross neither end of a stretch
    // of text treat it alike wherever it stands, so it becomes one token from the same two parts.
    std::vector<Merge> merges;
    Count n_distinct_pretokens = 0;
    Count n_bytes = 0;
    bool ran_out = false;  // of pairs before `n_merges` merges were learned
};

class Trainer {
  public:
    explicit Trainer(TrainingOptions options);

    // Takes the next block of the text; blocks can be cut anywhere.
    void feed(std::string_view block, const Progress& progress);

    // Learns the merges. The trainer cannot be used afterwards.
    TrainingResult finish(const Progress& progress);

  private:
    void spill_if_full();
    void spill_tables();
    WordSource counted_words();
    void check_memory(std::size_t n_places) const;

    TrainingOptions options_;
    PretokenCounter counter_;
    std::optional<WordSpill> spill_;  // present if memory is limited
};

}  // namespace paribus::bpe
