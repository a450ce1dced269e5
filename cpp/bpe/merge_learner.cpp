#include "bpe/merge_learner.h"

#include <algorithm>
#include <utility>

namespace paribus::bpe {
namespace {

constexpr Id border = 0;
constexpr Count merges_between_reports = 256;

constexpr Id token_of_byte(char byte) { return static_cast<unsigned char>(byte) + Id{1}; }

}  // namespace

MergeLearner::MergeLearner(const WordTable& words, const TrainingOptions& options,
                           Progress progress)
    : ties_(options.ties),
      n_merges_(options.n_merges),
      max_token_length_(options.max_token_length),
      first_merge_id_(options.first_merge_id),
      progress_(std::move(progress)),
      checkpoint_([this] { report(); }),
      row_(lengths_) {
    add_byte_tokens(options);
    if (n_merges_ == 0) return;
    lay_out(words);
    count_pairs();
}

bool MergeLearner::learn() {
    report();
    while (merges_.size() < n_merges_) {
        const PairNumber number = pop_greatest();
        if (number == absent) return false;
        merge_everywhere(number);
        if (merges_.size() % merges_between_reports == 0) report();
    }
    return true;
}

void MergeLearner::add_byte_tokens(const TrainingOptions& options) {
    tokens_.emplace_back();
    lengths_.push_back(1);  // a border takes one place in the row
    ids_.push_back(absent);
    for (int byte = 0; byte < 256; ++byte) {
        tokens_.emplace_back(1, static_cast<char>(byte));
        lengths_.push_back(1);
        ids_.push_back(options.byte_ids[static_cast<std::size_t>(byte)]);
    }
}

void MergeLearner::lay_out(const WordTable& words) {
    std::size_t n_places = 1;
    words.for_each([&](std::string_view word, Count) { n_places += word.size() + 1; });
    if (n_places >= absent) {
        throw Error("distinct pretokens", "less than 4 GiB of text", std::to_string(n_places));
    }
    row_.reserve(n_places);
    word_at_.reserve(n_places);
    word_counts_.reserve(words.size());
    row_.append(border);
    word_at_.push_back(0);
    words.for_each([&](std::string_view word, Count count) {
        word_counts_.push_back(count);
        add_word(word);
    });
}

void MergeLearner::add_word(std::string_view word) {
    for (const char byte : word) row_.append(token_of_byte(byte));
    row_.append(border);
    word_at_.resize(row_.n_bytes(), static_cast<std::uint32_t>(word_counts_.size() - 1));
    checkpoint_.spend(word.size());
}

void MergeLearner::count_pairs() {
    for (Position at = 0; at + 1 < row_.n_bytes(); ++at) {
        gain(row_.at(at), row_.at(at + 1), at, word_counts_[word_at_[at]]);
        checkpoint_.spend(1);
    }
    push_new_pairs();
}

bool MergeLearner::is_less(const Candidate& a, const Candidate& b) const {
    if (a.bound != b.bound) return a.bound < b.bound;
    return ties_before(pairs_[b.pair], pairs_[a.pair]);
}

// Whether `a` is merged before `b` where both are as frequent.
bool MergeLearner::ties_before(const Pair& a, const Pair& b) const {
    if (ties_ == Ties::hf) {
        return std::pair(ids_[a.left], ids_[a.right]) < std::pair(ids_[b.left], ids_[b.right]);
    }
    const int order = tokens_[a.left].compare(tokens_[b.left]);
    return order != 0 ? order > 0 : tokens_[a.right] > tokens_[b.right];
}

void MergeLearner::push(Candidate candidate) {
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end(),
                   [this](const auto& a, const auto& b) { return is_less(a, b); });
}

MergeLearner::Candidate MergeLearner::pop() {
    std::pop_heap(heap_.begin(), heap_.end(),
                  [this](const auto& a, const auto& b) { return is_less(a, b); });
    const Candidate candidate = heap_.back();
    heap_.pop_back();
    return candidate;
}

// A pair that came and went within one merge has the count 0 and stays out.
void MergeLearner::push_new_pairs() {
    for (; n_pushed_ < pairs_.size(); ++n_pushed_) {
        const Count count = pairs_[n_pushed_].count;
        if (count != 0) push({count, static_cast<PairNumber>(n_pushed_)});
    }
}

MergeLearner::PairNumber MergeLearner::pop_greatest() {
    while (!heap_.empty()) {
        const Candidate candidate = pop();
        const Count count = pairs_[candidate.pair].count;
        if (candidate.bound == count) return candidate.pair;
        if (count != 0) push({count, candidate.pair});
    }
    return absent;
}

MergeLearner::Token MergeLearner::add_token(Token left, Token right) {
    ids_.push_back(first_merge_id_ + static_cast<Id>(merges_.size()));
    merges_.emplace_back(tokens_[left], tokens_[right]);
    lengths_.push_back(lengths_[left] + lengths_[right]);
    tokens_.push_back(tokens_[left] + tokens_[right]);
    return static_cast<Token>(tokens_.size() - 1);
}

// From left to right, the order of the positions: where a token follows itself, the first two
// merge.
void MergeLearner::merge_everywhere(PairNumber number) {
    const Token left = pairs_[number].left, right = pairs_[number].right;
    const Token merged = add_token(left, right);
    const std::vector<Position> positions = std::exchange(pairs_[number].positions, {});
    for (const Position position : positions) {
        if (row_.holds_pair(position, left, right)) merge_at(position, left, right, merged);
        checkpoint_.spend(1);
    }
    push_new_pairs();
}

void MergeLearner::merge_at(Position position, Token left, Token right, Token merged) {
    const Count count = word_counts_[word_at_[position]];
    const auto before = static_cast<Position>(row_.previous(position));
    const Token previous = row_.at(before);
    const Token next = row_.at(row_.next(row_.next(position)));
    lose(previous, left, count);
    lose(left, right, count);
    lose(right, next, count);
    row_.merge(position, merged);
    gain(previous, merged, before, count);
    gain(merged, next, position, count);
}

void MergeLearner::gain(Token left, Token right, Position position, Count count) {
    if (left == border || right == border) return;
    if (max_token_length_ != 0 && lengths_[left] + lengths_[right] > max_token_length_) return;
    const auto new_number = static_cast<PairNumber>(pairs_.size());
    const PairNumber number = pair_numbers_.find_or_insert(left, right, new_number);
    if (number == new_number) pairs_.emplace_back(left, right);
    Pair& pair = pairs_[number];
    pair.count += count;
    pair.positions.push_back(position);
}

void MergeLearner::lose(Token left, Token right, Count count) {
    const PairNumber number = pair_numbers_.find(left, right);
    if (number != absent) pairs_[number].count -= count;
}

void MergeLearner::report() {
    if (progress_) progress_("merge", merges_.size(), n_merges_);
}

}  // namespace paribus::bpe
