#include "tests/naive.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

namespace paribus::tests {
namespace {

using bpe::Count;
using bpe::Id;
using Word = std::vector<std::string>;
using PairCounts = std::map<bpe::Merge, Count>;

std::size_t special_at(std::string_view text, std::size_t at,
                       const std::vector<std::string>& specials) {
    std::size_t longest = 0;
    for (const std::string& special : specials) {
        if (text.substr(at, special.size()) == special) longest = std::max(longest, special.size());
    }
    return longest;
}

std::map<std::string, Count> counted_words(std::string_view text,
                                           const bpe::TrainingOptions& options) {
    std::map<std::string, Count> counts;
    for (const std::string& segment : naive_segments(text, options.specials)) {
        for (const std::string& word : naive_split(segment, options.pattern)) ++counts[word];
    }
    return counts;
}

PairCounts pair_counts(const std::vector<std::pair<Word, Count>>& words,
                       std::optional<std::size_t> longest) {
    PairCounts counts;
    for (const auto& [word, count] : words) {
        for (std::size_t i = 0; i + 1 < word.size(); ++i) {
            if (longest && word[i].size() + word[i + 1].size() > *longest) continue;
            counts[{word[i], word[i + 1]}] += count;
        }
    }
    return counts;
}

bool is_better(const PairCounts::value_type& a, const PairCounts::value_type& b, bpe::Ties ties,
               const std::map<std::string, Id>& ids) {
    if (a.second != b.second) return a.second > b.second;
    if (ties == bpe::Ties::cs336) return a.first > b.first;
    return std::pair(ids.at(a.first.first), ids.at(a.first.second)) <
           std::pair(ids.at(b.first.first), ids.at(b.first.second));
}

void replace(Word& word, const bpe::Merge& merge) {
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        if (word[i] != merge.first || word[i + 1] != merge.second) continue;
        word[i] += word[i + 1];
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
}

}  // namespace

std::vector<std::string> naive_segments(std::string_view text,
                                        const std::vector<std::string>& specials) {
    std::vector<std::string> segments(1);
    for (std::size_t at = 0; at < text.size();) {
        if (const std::size_t length = special_at(text, at, specials)) {
            segments.emplace_back();
            at += length;
        } else {
            segments.back() += text[at++];
        }
    }
    return segments;
}

bpe::TrainingResult naive_train(std::string_view text, const bpe::TrainingOptions& options) {
    const auto counts = counted_words(text, options);
    std::vector<std::pair<Word, Count>> words;
    for (const auto& [bytes, count] : counts) {
        words.emplace_back(Word(), count);
        for (const char byte : bytes) words.back().first.emplace_back(1, byte);
    }
    std::map<std::string, Id> ids;
    for (std::size_t byte = 0; byte < 256; ++byte) {
        ids[std::string(1, static_cast<char>(byte))] = options.byte_ids[byte];
    }
    bpe::TrainingResult result{{}, counts.size(), text.size(), false};
    for (Id n_new_ids = 0; n_new_ids < options.n_merges;) {
        const PairCounts pairs = pair_counts(words, options.max_token_length);
        if (pairs.empty()) {
            result.ran_out = true;
            break;
        }
        const auto* best = &*pairs.begin();
        for (const auto& pair : pairs) {
            if (is_better(pair, *best, options.ties, ids)) best = &pair;
        }
        const bpe::Merge merge = best->first;
        result.merges.push_back(merge);
        if (ids.emplace(merge.first + merge.second, options.first_merge_id + n_new_ids).second) {
            ++n_new_ids;
        }
        for (auto& [word, count] : words) replace(word, merge);
    }
    return result;
}

std::vector<Id> naive_merge(std::vector<Id> ids, const std::vector<bpe::MergeRule>& rules) {
    for (bool has_merged = true; has_merged;) {
        has_merged = false;
        for (const bpe::MergeRule& rule : rules) {
            for (std::size_t i = 0; i + 1 < ids.size() && !has_merged; ++i) {
                if (ids[i] != rule.left || ids[i + 1] != rule.right) continue;
                ids[i] = rule.result;
                ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
                has_merged = true;
            }
            if (has_merged) break;
        }
    }
    return ids;
}

}  // namespace paribus::tests
