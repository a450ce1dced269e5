// Merges the bytes of one word into tokens: always the leftmost pair of the lowest rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bpe/checkpoint.h"
#include "bpe/merge/bucket_queue.h"
#include "bpe/merge/merge_tables.h"
#include "bpe/merge/token_row.h"
#include "bpe/types.h"

namespace paribus::bpe {

// A word longer than a window is merged in parts. Neither number changes the ids.
struct Windows {
    std::size_t size = 2048;         // bytes; fits in a near cache
    std::size_t n_loose_tokens = 4;  // at the end of a window, merged again with the next one
};

// Holds working memory, so each thread has its own. Must not be used again after an exception.
class WordMerger {
  public:
    explicit WordMerger(const MergeTables& tables, const Windows& windows = {})
        : tables_(&tables), windows_(windows), row_(tables.lengths) {}

    // Appends the ids of `word`, which is not empty, to `ids`. Takes linear time, except for
    // sorting within equal ranks; if ranks rise, it needs the memory of one window.
    void merge(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint);

    // The end of the part of `word` that begins at `begin`: no merge joins it to the next part.
    std::size_t part_end(std::string_view word, std::size_t begin) const;

  private:
    void merge_long(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint);
    bool merge_windows(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint);
    void merge_window(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint);
    bool is_border(std::string_view word, std::size_t border, Id left, Id right);
    std::size_t pop(std::vector<Id>& ids) const;
    void fill_row(std::string_view word, Checkpoint& checkpoint);
    void merge_lowest(Checkpoint& checkpoint);
    void merge_at(std::uint32_t position, Id result);
    void add_pair(std::size_t position, std::size_t next);

    const MergeTables* tables_;
    Windows windows_;
    TokenRow row_;
    BucketQueue queue_;
    std::vector<std::uint32_t> positions_;
    std::vector<Id> alone_;  // the tokens at a border, merged on their own
};

}  // namespace paribus::bpe
