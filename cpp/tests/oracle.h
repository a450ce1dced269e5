// The same as the core, so slow and plain that a reader can see that it is right; and random text.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bpe/encoder.h"
#include "bpe/trainer.h"

// Ends the program where `condition` does not hold, so that a fuzzer keeps the input.
#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                \
        }                                                                                \
    } while (false)

namespace oracle {

inline const std::array<bpe::Pattern, 4> patterns = {bpe::Pattern::gpt2, bpe::Pattern::cl100k,
                                                     bpe::Pattern::o200k, bpe::Pattern::none};
inline const std::vector<std::pair<bpe::TokenId, std::string>> specials = {{256, "<|a|>"},
                                                                           {257, "<|a|><|b|>"}};

// Calls on_text and on_special for the segments of a text.
template <typename OnText, typename OnSpecial>
void for_each_segment(std::string_view text, bool split_specials, OnText on_text,
                      OnSpecial on_special) {
    std::size_t begin = 0;
    for (std::size_t at = 0; split_specials && at < text.size();) {
        const std::pair<bpe::TokenId, std::string>* found = nullptr;
        for (const auto& special : specials) {  // the longer one is listed later
            if (text.substr(at).starts_with(special.second)) found = &special;
        }
        if (found == nullptr) {
            ++at;
            continue;
        }
        if (at > begin) on_text(text.substr(begin, at - begin));
        on_special(found->first);
        begin = at += found->second.size();
    }
    if (begin < text.size()) on_text(text.substr(begin));
}

inline std::vector<std::string> pretokens(std::string_view text, bpe::Pattern pattern) {
    std::vector<std::string> words;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = bpe::pretoken_end(pattern, text, start);
        CHECK(end > start && end <= text.size());
        words.emplace_back(text.substr(start, end - start));
        start = end;
    }
    return words;
}

// Replaces each `left right`, from the left, by `result`.
inline std::vector<bpe::TokenId> merged(const std::vector<bpe::TokenId>& ids, bpe::IdMerge merge) {
    std::vector<bpe::TokenId> result;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (i + 1 < ids.size() && ids[i] == merge.left && ids[i + 1] == merge.right) {
            result.push_back(merge.result);
            ++i;
        } else {
            result.push_back(ids[i]);
        }
    }
    return result;
}

struct Vocabulary {
    std::array<bpe::TokenId, 256> byte_ids{};
    std::vector<std::string> tokens;
    std::vector<bpe::IdMerge> merges;

    // Bytes in another order than their ids, special tokens, no merge yet.
    Vocabulary() : tokens(256) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::size_t id = (byte * 7 + 3) % 256;
            byte_ids[byte] = static_cast<bpe::TokenId>(id);
            tokens[id] = std::string(1, static_cast<char>(byte));
        }
        for (const auto& special : specials) tokens.push_back(special.second);
    }

    // The id of the bytes `left right`: that of an older token with these bytes, or a new one.
    bpe::TokenId add(bpe::TokenId left, bpe::TokenId right) {
        const std::string bytes = tokens[left] + tokens[right];
        bpe::TokenId result = 0;
        while (result < tokens.size() && (tokens[result] != bytes || is_special(result))) ++result;
        if (result == tokens.size()) tokens.push_back(bytes);
        merges.push_back({left, right, result});
        return result;
    }

    static bool is_special(bpe::TokenId id) { return id == 256 || id == 257; }

    std::vector<bpe::TokenId> bytes_as_ids(std::string_view word) const {
        std::vector<bpe::TokenId> ids;
        for (const char byte : word) ids.push_back(byte_ids[static_cast<unsigned char>(byte)]);
        return ids;
    }

    bpe::Encoder encoder(bpe::Pattern pattern) const {
        return bpe::Encoder(byte_ids, merges, bpe::SpecialTokens(specials), tokens, pattern);
    }
};

struct Trained {
    std::vector<bpe::Merge> merges;
    bool ran_out = false;
    std::size_t n_words = 0;
    bool operator==(const Trained&) const = default;
};

// Counts all pairs anew for every merge.
inline Trained train(std::string_view text, bpe::Pattern pattern, std::uint64_t n_new_ids,
                     bpe::Ties ties, std::uint64_t max_token_length) {
    std::map<std::string, std::uint64_t> counts;
    for_each_segment(
        text, true,
        [&](std::string_view segment) {
            for (const std::string& word : pretokens(segment, pattern)) ++counts[word];
        },
        [](bpe::TokenId) {});
    Vocabulary vocabulary;
    std::vector<std::pair<std::vector<bpe::TokenId>, std::uint64_t>> words;
    for (const auto& [word, count] : counts)
        words.emplace_back(vocabulary.bytes_as_ids(word), count);

    Trained trained{{}, false, words.size()};
    const std::size_t wanted = vocabulary.tokens.size() + n_new_ids;
    while (vocabulary.tokens.size() < wanted) {
        std::map<std::pair<bpe::TokenId, bpe::TokenId>, std::uint64_t> pairs;
        for (const auto& [ids, count] : words) {
            for (std::size_t i = 0; i + 1 < ids.size(); ++i) pairs[{ids[i], ids[i + 1]}] += count;
        }
        const auto bytes = [&](const auto& pair) {
            return std::pair(vocabulary.tokens[pair.first], vocabulary.tokens[pair.second]);
        };
        std::uint64_t most = 0;
        std::pair<bpe::TokenId, bpe::TokenId> best;
        for (const auto& [pair, count] : pairs) {  // in the order of ids
            const auto [left, right] = bytes(pair);
            if (max_token_length > 0 && left.size() + right.size() > max_token_length) continue;
            const bool wins_tie =
                ties == bpe::Ties::greatest_bytes && count == most && bytes(pair) > bytes(best);
            if (count > most || wins_tie) {
                most = count;
                best = pair;
            }
        }
        if (most == 0) {
            trained.ran_out = true;
            break;
        }
        trained.merges.push_back(bytes(best));
        const bpe::TokenId result = vocabulary.add(best.first, best.second);
        for (auto& [ids, count] : words) ids = merged(ids, {best.first, best.second, result});
    }
    return trained;
}

// The core's answer in the oracle's words; the text comes in `blocks`.
inline Trained train_by_core(const std::vector<std::string_view>& blocks, bpe::Pattern pattern,
                             std::uint64_t n_new_ids, bpe::Ties ties,
                             std::uint64_t max_token_length, std::size_t n_threads) {
    bpe::WordCounter counter(pattern, bpe::SpecialTokens(specials), n_threads);
    for (const std::string_view block : blocks) counter.add(block, [] {});
    const bpe::WordTable words = counter.finish([] {});
    const bpe::TrainingSettings settings{Vocabulary().byte_ids, 258, n_new_ids, ties,
                                         max_token_length};
    bpe::TrainingResult result = bpe::learn_merges(words, settings, [](std::uint64_t) {});
    return {std::move(result.merges), result.ran_out, words.entries().size()};
}

// Applies the first rule of the list that applies anywhere at its leftmost place, again and again.
inline std::vector<bpe::TokenId> encode(std::string_view text, const Vocabulary& vocabulary,
                                        bpe::Pattern pattern, bool allow_special) {
    std::vector<bpe::TokenId> result;
    const auto append_word = [&](const std::string& word) {
        std::vector<bpe::TokenId> ids = vocabulary.bytes_as_ids(word);
        for (std::size_t rank = 0; rank < vocabulary.merges.size();) {
            const bpe::IdMerge merge = vocabulary.merges[rank++];
            const bpe::TokenId pair[] = {merge.left, merge.right};
            const auto place =
                std::search(ids.begin(), ids.end(), std::begin(pair), std::end(pair));
            if (place == ids.end()) continue;
            *place = merge.result;
            ids.erase(place + 1);
            rank = 0;
        }
        result.insert(result.end(), ids.begin(), ids.end());
    };
    for_each_segment(
        text, allow_special,
        [&](std::string_view segment) {
            for (const std::string& word : pretokens(segment, pattern)) append_word(word);
        },
        [&](bpe::TokenId id) { result.push_back(id); });
    return result;
}

// Random choices that are the same on every computer.
class Random {
  public:
    explicit Random(std::uint64_t seed) : bits_(seed) {}

    std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits_() % n); }

    // Text of `n` pieces: what splits, repeats, breaks UTF-8 and nearly makes a special token.
    std::string text(std::size_t n) {
        static const std::vector<std::string> pieces = {"a",
                                                        "b",
                                                        "aa",
                                                        "ab",
                                                        "the",
                                                        " the",
                                                        " ",
                                                        "  ",
                                                        "\n",
                                                        "\r\n",
                                                        "\t",
                                                        "'",
                                                        "'s",
                                                        "'LL",
                                                        "'ve",
                                                        "1",
                                                        "12345",
                                                        "\u00b2",
                                                        "!",
                                                        "...",
                                                        "/",
                                                        "\u00e9",
                                                        "\u017f",
                                                        "\u4e2d",
                                                        "\u0301",
                                                        "\u00a0",
                                                        "\u3000",
                                                        "\U0001f600",
                                                        "\xff",
                                                        "\xc3",
                                                        "\xe4\xb8",
                                                        "\x80",
                                                        "<|a|>",
                                                        "<|a|",
                                                        "<|a|><|b|>",
                                                        "|>",
                                                        std::string(1, '\0'),
                                                        "Aa",
                                                        "AAa",
                                                        "\u01c5"};
        std::string result;
        for (std::size_t i = 0; i < n; ++i) result += pieces[below(pieces.size())];
        return result;
    }

    // The text cut into blocks anywhere.
    std::vector<std::string_view> blocks(std::string_view text) {
        std::vector<std::string_view> result;
        while (!text.empty()) {
            const std::size_t size = 1 + below(text.size());
            result.push_back(text.substr(0, size));
            text.remove_prefix(size);
        }
        return result;
    }

    // Merges that training would never learn in this order, among them two of the same bytes.
    Vocabulary vocabulary(std::size_t n_merges) {
        Vocabulary made;
        const std::string frequent = "ab the'sAa12.\n";
        for (std::size_t i = 0; i < n_merges; ++i)
            made.add(token(made, frequent), token(made, frequent));
        return made;
    }

  private:
    bpe::TokenId token(const Vocabulary& made, const std::string& frequent) {
        if (made.merges.empty() || below(2) == 0) {
            return made.byte_ids[static_cast<unsigned char>(frequent[below(frequent.size())])];
        }
        return made.merges[below(made.merges.size())].result;
    }

    std::mt19937_64 bits_;
};

}  // namespace oracle
