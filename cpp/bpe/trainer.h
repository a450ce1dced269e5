// Training of byte-level BPE (Sennrich et al. 2016): the most frequent pair of neighbours becomes a
// token, again and again.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bpe/pretoken_counter.h"
#include "bpe/types.h"
#include "bpe/word_source.h"
#include "bpe/word_spill.h"

namespace paribus::bpe {

struct TrainingOptions {
    Pattern pattern = Pattern::gpt2;
    std::vector<std::string> specials;
    Count n_merges = 0;
    std::array<Id, 256> byte_ids{};  // used by `hf` ties only
    Id first_merge_id = 256;         // ids of merges follow one another; used by `hf` ties only
    Ties ties = Ties::cs336;
    std::size_t n_threads = 1;
    std::size_t max_token_length = 0;  // bytes; 0: no limit
    std::size_t batch_size = 0;        // bytes counted at a time; 0: as many as suit the threads
    std::size_t memory = 0;            // bytes that training may take, in one thread; 0: no limit
    std::string spill_folder;          // takes counts that `memory` does not hold
};

// The memory that training was given does not suffice.
class MemoryLimit : public std::runtime_error {
  public:
    explicit MemoryLimit(std::size_t n_needed_bytes)
        : std::runtime_error(std::to_string(n_needed_bytes)), n_needed(n_needed_bytes) {}

    std::size_t n_needed;  // bytes that suffice
};

using Merge = std::pair<std::string, std::string>;

struct TrainingResult {
    // In order of creation. No two make the same bytes: merges that cross neither end of a stretch
    // of text treat it alike wherever it stands, so it becomes one token from the same two parts.
    std::vector<Merge> merges;
    Count n_distinct_pretokens = 0;
    Count n_bytes = 0;
    bool ran_out = false;  // of pairs, before there were `n_merges` merges
};

// Called now and then with a stage ("count" in bytes or "merge" in merges), how much is done and
// of how much (0: unknown); training stops where it throws.
using Progress = std::function<void(std::string_view stage, Count done, Count total)>;

class Trainer {
  public:
    explicit Trainer(TrainingOptions options);

    // Takes the next block of the text; blocks can be cut anywhere.
    void feed(std::string_view block, const Progress& progress);

    // Learns the merges. The trainer is used up.
    TrainingResult finish(const Progress& progress);

  private:
    void spill_if_full();
    void spill_tables();
    WordSource counted_words();
    void check_memory(std::size_t n_places) const;

    TrainingOptions options_;
    PretokenCounter counter_;
    WordSpill spill_;
};

}  // namespace paribus::bpe
