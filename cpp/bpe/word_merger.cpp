#include "bpe/word_merger.h"

#include <string>

#include "bpe/short_merge.h"

namespace paribus::bpe {

void WordMerger::merge(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint) {
    if (word.size() > longest_short_merge || !can_merge_short(*tables_)) {
        merge_long(word, ids, checkpoint);
        return;
    }
    const std::size_t n_before = ids.size();
    ids.resize(n_before + word.size());
    ids.resize(n_before + merge_short(word, *tables_, &ids[n_before]));
}

std::size_t WordMerger::part_end(std::string_view word, std::size_t begin) const {
    while (++begin < word.size() && tables_->can_join(word[begin - 1], word[begin])) {
    }
    return begin;
}

void WordMerger::merge_long(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint) {
    if (word.size() >= absent) {
        throw Error("pretoken", "less than 4 GiB", std::to_string(word.size()) + " bytes");
    }
    fill_row(word);
    while (!queue_.empty()) merge_lowest(checkpoint);
    for (std::size_t at = 0; at < row_.n_bytes(); at = row_.next(at)) ids.push_back(row_.at(at));
}

void WordMerger::fill_row(std::string_view word) {
    row_.clear();
    queue_.reset(tables_->rules.size());
    for (const char byte : word) {
        row_.append(tables_->byte_ids[static_cast<unsigned char>(byte)]);
    }
    for (std::size_t at = 0; at + 1 < word.size(); ++at) add_pair(at, at + 1);
}

// Merges the pairs of the lowest rank. A merge can make a pair of a lower rank where two rules have
// the same result: then that one comes first, and the rest goes back into the queue.
void WordMerger::merge_lowest(Checkpoint& checkpoint) {
    const std::uint32_t rank = queue_.take_lowest(positions_);
    const MergeRule rule = tables_->rules[rank];
    for (std::size_t i = 0; i < positions_.size(); ++i) {
        checkpoint.spend(1);
        if (!row_.holds_pair(positions_[i], rule.left, rule.right)) continue;
        merge_at(positions_[i], rule.result);
        if (queue_.lowest() >= rank) continue;
        while (++i < positions_.size()) queue_.add(rank, positions_[i]);
    }
}

void WordMerger::merge_at(std::uint32_t position, Id result) {
    row_.merge(position, result);
    if (position > 0) add_pair(row_.previous(position), position);
    const std::size_t next = row_.next(position);
    if (next < row_.n_bytes()) add_pair(position, next);
}

void WordMerger::add_pair(std::size_t position, std::size_t next) {
    const std::uint32_t rank = tables_->rules.rank_of(row_.at(position), row_.at(next));
    if (rank != absent) queue_.add(rank, static_cast<std::uint32_t>(position));
}

}  // namespace paribus::bpe
