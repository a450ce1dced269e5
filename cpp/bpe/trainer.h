// Training of byte-level BPE (Sennrich et al. 2016): the most frequent pair of neighbours becomes a
// token, again and again.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bpe/pretoken_counter.h"
#include "bpe/types.h"

namespace paribus::bpe {

struct TrainingOptions {
    Pattern pattern = Pattern::gpt2;
    std::vector<std::string> specials;
    Count n_merges = 0;              // new ids to make
    std::array<Id, 256> byte_ids{};  // used by `hf` ties only
    Id first_merge_id = 256;         // ids of merges follow one another; used by `hf` ties only
    Ties ties = Ties::cs336;
    std::size_t n_threads = 1;
    std::size_t max_token_length = 0;  // bytes; 0: no limit
};

using Merge = std::pair<std::string, std::string>;

struct TrainingResult {
    // In order of creation. A merge whose bytes are those of an earlier token is listed, but makes no
    // new id: the list can be longer than the number of new ids.
    std::vector<Merge> merges;
    Count n_distinct_pretokens = 0;
    Count n_bytes = 0;
    bool ran_out = false;  // of pairs, before `n_merges` ids were made
};

// Called now and then with a stage ("count" in bytes or "merge" in new ids), how much is done and of
// how much (0: unknown); training stops where it throws.
using Progress = std::function<void(std::string_view stage, Count done, Count total)>;

class Trainer {
  public:
    explicit Trainer(TrainingOptions options);

    // Takes the next block of the text; blocks can be cut anywhere.
    void feed(std::string_view block, const Progress& progress);

    // Learns the merges. The trainer is used up.
    TrainingResult finish(const Progress& progress);

  private:
    TrainingOptions options_;
    PretokenCounter counter_;
};

}  // namespace paribus::bpe
