#include "bpe/train/word_row.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "bpe/train/token_list.h"

namespace paribus::bpe {
namespace {

// Neither a position nor a symbol may be the greatest 32-bit number.
constexpr std::size_t most_places = absent - 257;

// First the number of places that the words of each count take, then where the next of these words
// goes.
class PlacesByCount {
  public:
    std::size_t& operator[](Count count) {
        return count < small_.size() ? small_[count] : large_[count];
    }

    // Calls `visit(count, places)` for each count that has any, the greatest first.
    template <typename Visit>
    void for_each_descending(Visit&& visit) {
        std::vector<Count> counts;
        for (const auto& [count, places] : large_) counts.push_back(count);
        std::sort(counts.rbegin(), counts.rend());
        for (const Count count : counts) visit(count, large_[count]);
        for (Count count = small_.size(); count-- > 0;) {
            if (small_[count] != 0) visit(count, small_[count]);
        }
    }

  private:
    std::vector<std::size_t> small_ = std::vector<std::size_t>(1 << 14);
    std::unordered_map<Count, std::size_t> large_;
};

// Where the words of each count begin in the row; `runs` becomes the row's counts.
PlacesByCount placed(const WordSource& words, CountRuns& runs) {
    PlacesByCount places;
    words([&](std::string_view word, Count count) { places[count] += word.size() + 1; });
    std::size_t begin = 1;
    runs.append(begin, 0);
    places.for_each_descending([&](Count count, std::size_t& n_places) {
        runs.append(n_places, count);
        begin += std::exchange(n_places, begin);
    });
    if (begin >= most_places) {
        throw Error("distinct pretokens", "less than 4 GiB of text", std::to_string(begin));
    }
    runs.index();
    return places;
}

}  // namespace

void CountRuns::append(std::size_t n_places, Count count) {
    ends_.push_back((ends_.empty() ? 0 : ends_.back()) + n_places);
    counts_.push_back(count);
}

void CountRuns::index() {
    std::uint32_t run = 0;
    for (std::size_t at = 0; at < ends_.back(); at += places_of_block) {
        while (at >= ends_[run]) ++run;
        run_of_block_.push_back(run);
    }
}

template <typename Symbol>
WordRow<Symbol>::WordRow(WordSource words, Checkpoint& checkpoint) : size_(0), memory_(0) {
    PlacesByCount places = placed(words, runs_);
    size_ = runs_.end(runs_.size() - 1);
    memory_ = ZeroedMemory(size_ * sizeof(Symbol));
    words([&](std::string_view word, Count count) {
        std::size_t& begin = places[count];
        for (std::size_t i = 0; i < word.size(); ++i) {
            symbols()[begin + i] = static_cast<Symbol>(symbol_of_byte(word[i]));
        }
        begin += word.size() + 1;
        checkpoint.spend(word.size());
    });
}

template class WordRow<std::uint16_t>;
template class WordRow<std::uint32_t>;

}  // namespace paribus::bpe
