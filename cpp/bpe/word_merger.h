// Merges the bytes of one word into tokens: the pair of lowest rank first, of those the leftmost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bpe/bucket_queue.h"
#include "bpe/merge_tables.h"
#include "bpe/parallel.h"
#include "bpe/token_row.h"
#include "bpe/types.h"

namespace paribus::bpe {

// Holds working memory; each thread has its own. After an exception it is not to be used again.
class WordMerger {
  public:
    explicit WordMerger(const MergeTables& tables) : tables_(&tables), row_(tables.lengths) {}

    // Appends the ids of `word`, which is not empty, to `ids`. Takes time linear in the word but
    // for a sort within equal ranks.
    void merge(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint);

    // Where the part of `word` that begins at `begin` ends: no merge joins it to the next one.
    std::size_t part_end(std::string_view word, std::size_t begin) const;

  private:
    void merge_long(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint);
    void fill_row(std::string_view word);
    void merge_lowest(Checkpoint& checkpoint);
    void merge_at(std::uint32_t position, Id result);
    void add_pair(std::size_t position, std::size_t next);

    const MergeTables* tables_;
    TokenRow row_;
    BucketQueue queue_;
    std::vector<std::uint32_t> positions_;
};

}  // namespace paribus::bpe
