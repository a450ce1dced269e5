#include "bpe/words/pretoken_counter.h"

#include <algorithm>
#include <utility>

namespace paribus::bpe {
namespace {

// A batch is cut into at least this many pieces, which the threads take one by one.
constexpr std::size_t least_pieces_of_batch = 16, pieces_of_thread = 4;

}  // namespace

PretokenCounter::PretokenCounter(Pattern pattern, std::vector<std::string> specials,
                                 std::size_t n_threads, std::size_t batch_size)
    : pattern_(pattern),
      scanner_(pattern),
      specials_(std::move(specials)),
      batch_size_(std::max<std::size_t>(batch_size, 1)),
      counts_(std::max<std::size_t>(n_threads, 1)) {}

void PretokenCounter::feed(std::string_view block, const Poll& after_batch) {
    while (!block.empty()) {
        const std::string_view part = block.substr(0, batch_size_);
        pending_.append(part);
        n_bytes_ += part.size();
        block.remove_prefix(part.size());
        if (pending_.size() - searched_ < batch_size_) continue;
        count_pending(false, after_batch);
        if (after_batch) after_batch();
    }
}

void PretokenCounter::count_rest(const Poll& poll) {
    count_pending(true, poll);
    pending_ = {};
}

std::vector<WordCounts> PretokenCounter::take() {
    return std::exchange(counts_, std::vector<WordCounts>(counts_.size()));
}

std::size_t PretokenCounter::n_table_bytes() const {
    std::size_t n_bytes = 0;
    for (const WordCounts& counts : counts_) n_bytes += counts.n_bytes();
    return n_bytes;
}

// The end of the pending text whose split stays the same whatever follows.
std::size_t PretokenCounter::settled_end(bool is_last) {
    if (is_last) return pending_.size();
    // A special token that begins after `limit` may be incomplete, or the beginning of a longer
    // one.
    const std::size_t held_back = std::max<std::size_t>(specials_.longest(), 1) - 1;
    const std::size_t limit = pending_.size() - std::min(pending_.size(), held_back);
    std::size_t begin = 0, searched = searched_;
    for (;;) {
        const SpecialTokens::Match match = specials_.find(pending_, searched);
        if (match.begin >= limit) break;
        begin = searched = match.end;
    }
    const std::size_t from = std::max(begin, searched);
    const std::size_t cut = last_safe_cut(pending_, from, std::max(from, limit), pattern_);
    searched_ = std::max(from, limit);
    return cut > from ? cut : begin;
}

void PretokenCounter::count_pending(bool is_last, const Poll& poll) {
    const std::size_t settled = settled_end(is_last);
    const auto text = std::string_view(pending_).substr(0, settled);
    const std::size_t n_pieces = std::max(least_pieces_of_batch, pieces_of_thread * counts_.size());
    const std::size_t piece_size = std::max<std::size_t>(batch_size_ / n_pieces, 1);
    count_pieces(cut_text(text, pattern_, specials_, piece_size), poll);
    pending_.erase(0, settled);
    searched_ -= std::min(searched_, settled);
}

void PretokenCounter::count_pieces(const std::vector<std::string_view>& pieces, const Poll& poll) {
    run_tasks(
        pieces.size(), counts_.size(), poll,
        [&](Worker worker, std::size_t task, Checkpoint& checkpoint) {
            for_each_segment(
                pieces[task], specials_,
                [&](std::string_view text) { counts_[worker].add(text, scanner_, checkpoint); },
                [](std::size_t) {});
        });
}

}  // namespace paribus::bpe
