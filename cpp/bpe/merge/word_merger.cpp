#include "bpe/merge/word_merger.h"

#include <string>

#include "bpe/merge/short_merge.h"

namespace paribus::bpe {
namespace {

constexpr std::size_t most_failures = 8;  // consecutive windows that make no progress

}  // namespace

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

// Merges in windows that fit in a near cache. If ranks rise, two adjacent texts merge as each of
// them does alone, provided that the two tokens at the border (the last of one and the first of the
// other) come back when their bytes are merged on their own.
void WordMerger::merge_long(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint) {
    const std::size_t n_before = ids.size();
    if (tables_->ranks_rise && merge_windows(word, ids, checkpoint)) return;
    ids.resize(n_before);
    merge_window(word, ids, checkpoint);
}

// Returns false if no such border was found; the caller then drops what is in `ids`.
bool WordMerger::merge_windows(std::string_view word, std::vector<Id>& ids,
                               Checkpoint& checkpoint) {
    const std::size_t first = ids.size();
    std::size_t begin = 0, farthest = 0, n_failed = 0;
    while (n_failed < most_failures) {
        const std::size_t n_before = ids.size();
        const std::string_view window = word.substr(begin, windows_.size);
        merge_window(window, ids, checkpoint);
        if (n_before > first && !is_border(word, begin, ids[n_before - 1], ids[n_before])) {
            ids.resize(n_before);
            begin -= pop(ids);
            ++n_failed;
            continue;
        }
        if (begin + window.size() == word.size()) return true;
        if (ids.size() <= n_before + windows_.n_loose_tokens) return false;
        // The text that follows can change the last tokens.
        begin += window.size();
        for (std::size_t i = 0; i < windows_.n_loose_tokens; ++i) begin -= pop(ids);
        ++n_failed;
        if (begin <= farthest + windows_.size / 4) continue;
        farthest = begin;
        n_failed = 0;
    }
    return false;
}

// Removes the last token and returns its length.
std::size_t WordMerger::pop(std::vector<Id>& ids) const {
    const std::size_t length = tables_->lengths[ids.back()];
    ids.pop_back();
    return length;
}

bool WordMerger::is_border(std::string_view word, std::size_t border, Id left, Id right) {
    const std::size_t n_left = tables_->lengths[left];
    const std::string_view both = word.substr(border - n_left, n_left + tables_->lengths[right]);
    alone_.clear();
    Checkpoint no_poll({});
    if (both.size() > windows_.size) {
        merge_window(both, alone_, no_poll);
    } else {
        merge(both, alone_, no_poll);
    }
    return alone_.size() == 2 && alone_[0] == left && alone_[1] == right;
}

void WordMerger::merge_window(std::string_view word, std::vector<Id>& ids, Checkpoint& checkpoint) {
    if (word.size() >= absent) {
        throw Error("pretoken", "less than 4 GiB", std::to_string(word.size()) + " bytes");
    }
    fill_row(word, checkpoint);
    while (!queue_.empty()) merge_lowest(checkpoint);
    for (std::size_t at = 0; at < row_.n_bytes(); at = row_.next(at)) {
        ids.push_back(row_.at(at));
        checkpoint.spend(1);
    }
}

void WordMerger::fill_row(std::string_view word, Checkpoint& checkpoint) {
    row_.clear();
    row_.reserve(word.size());
    queue_.reset(tables_->rules.size(), word.size());
    for (std::size_t at = 0; at < word.size(); ++at) {
        row_.append(tables_->byte_ids[static_cast<unsigned char>(word[at])]);
        checkpoint.spend(1);
        if (at == 0) continue;
        const std::uint32_t rank = tables_->rank_of_bytes(word[at - 1], word[at]);
        if (rank != absent) queue_.add(rank, static_cast<std::uint32_t>(at - 1));
    }
}

// Merges the pairs of the lowest rank. If two rules have the same result, a merge can make a pair
// of a lower rank. That pair then comes first, and the others go back into the queue.
void WordMerger::merge_lowest(Checkpoint& checkpoint) {
    const std::uint32_t rank = queue_.take_lowest(positions_, checkpoint);
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
