// Counts of words on disk, where memory does not hold them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "bpe/types.h"
#include "bpe/words/word_counts.h"
#include "bpe/words/word_source.h"

namespace paribus::bpe {

// One file of runs, each sorted by the bytes of the words. A word may stand in several runs; what
// is shown is the sum.
class WordSpill {
  public:
    // The file is made in `folder` with the first run; who made the folder removes both. Reading
    // takes about `n_buffer_bytes`.
    WordSpill(std::string folder, std::size_t n_buffer_bytes)
        : path_(std::move(folder) + "/words"), n_buffer_bytes_(n_buffer_bytes) {}

    bool empty() const { return run_ends_.empty(); }

    // Writes all words as one more run. Throws std::system_error where the file takes no more.
    void write(const WordCounts& words);

    // Shows each word once with its whole count, in the order of the bytes.
    void for_each(const VisitWord& visit);

  private:
    class Run;

    void append(const std::string& bytes);
    void require_good() const;

    std::string path_;
    std::size_t n_buffer_bytes_;
    std::fstream file_;
    std::vector<std::uint64_t> run_ends_;  // in the file, in bytes
};

}  // namespace paribus::bpe
