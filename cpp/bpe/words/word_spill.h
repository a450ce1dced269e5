// Counts of words on disk, for texts whose counts do not fit in memory.
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

// One file of runs, each sorted by the bytes of the words. A word may occur in several runs, whose
// counts are added when they are read.
class WordSpill {
  public:
    // The first run creates the file in `folder`; the caller removes both. Reading takes about
    // `n_buffer_bytes`.
    WordSpill(std::string folder, std::size_t n_buffer_bytes)
        : path_(std::move(folder) + "/words"), n_buffer_bytes_(n_buffer_bytes) {}

    bool empty() const { return run_ends_.empty(); }

    // Writes all words as one more run. Throws std::system_error if the file cannot be written.
    void write(const WordCounts& words);

    // Calls `visit` once for each word with its total count, ordered by bytes.
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
