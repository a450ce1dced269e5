#include "bpe/scan/cuts.h"
#include "bpe/scan/scanner.h"
#include "tests/check.h"
#include "tests/naive.h"
#include "tests/random_text.h"

namespace paribus::tests {
namespace {

using bpe::Pattern;

constexpr Pattern all_patterns[] = {Pattern::gpt2, Pattern::cl100k, Pattern::o200k, Pattern::none};

std::vector<std::string> split(std::string_view text, Pattern pattern) {
    std::vector<std::string> pretokens;
    bpe::for_each_pretoken(text, bpe::Scanner(pattern),
                           [&](std::string_view word) { pretokens.emplace_back(word); });
    return pretokens;
}

void safe_cuts_keep_the_split() {
    RandomText random(2);
    std::size_t n_cuts = 0;
    for (int i = 0; i < 5000; ++i) {
        const std::string text = random.snippets(1 + random.below(12));
        for (const Pattern pattern : all_patterns) {
            for (std::size_t at = 0; at <= text.size(); ++at) {
                if (!bpe::is_safe_cut(text, at, pattern)) continue;
                auto parts = split(std::string_view(text).substr(0, at), pattern);
                for (auto& word : split(std::string_view(text).substr(at), pattern)) {
                    parts.push_back(std::move(word));
                }
                CHECK_EQUAL_FOR(parts, split(text, pattern), text);
                ++n_cuts;
            }
        }
    }
    CHECK(n_cuts > 10000);
}

void a_safe_cut_stays_safe_whatever_follows() {
    RandomText random(3);
    for (int i = 0; i < 5000; ++i) {
        const std::string text = random.snippets(1 + random.below(8));
        const std::string longer = text + random.snippets(random.below(4));
        for (const Pattern pattern : all_patterns) {
            for (std::size_t at = 0; at <= text.size(); ++at) {
                if (!bpe::is_safe_cut(text, at, pattern)) continue;
                CHECK_EQUAL_FOR(bpe::is_safe_cut(longer, at, pattern), true, longer);
            }
        }
    }
}

// The pretokens between special tokens.
void add_words(std::string_view text, const std::vector<std::string>& specials, Pattern pattern,
               std::vector<std::string>& words) {
    for (const std::string& segment : naive_segments(text, specials)) {
        for (auto& word : split(segment, pattern)) words.push_back(std::move(word));
    }
}

void prose_has_a_safe_cut_at_each_space() {
    const std::string text = "One day, a cat sat.\nThe end.";
    for (const Pattern pattern : {Pattern::gpt2, Pattern::cl100k, Pattern::o200k}) {
        for (std::size_t at = 0; at < text.size(); ++at) {
            if (text[at] == ' ') CHECK(bpe::is_safe_cut(text, at, pattern));
        }
    }
}

void special_tokens_are_found_from_the_left_the_longest_first() {
    const std::vector<std::string> specials{"<|a|>", "<|a|><|a|>", "ab", "b"};
    const bpe::SpecialTokens finder(specials);
    CHECK_EQUAL(finder.longest(), 10U);
    CHECK_EQUAL(finder.find("x<|a|><|a|>", 0).number, 1U);
    CHECK_EQUAL(finder.find("<|a|>b", 1).begin, 5U);
    RandomText random(4);
    for (int i = 0; i < 3000; ++i) {
        const std::string text = random.snippets(random.below(12)) + random.words(random.below(9));
        std::vector<std::string> segments(1);
        bpe::for_each_segment(
            text, finder, [&](std::string_view part) { segments.back() = part; },
            [&](std::size_t) { segments.emplace_back(); });
        CHECK_EQUAL_FOR(segments, naive_segments(text, specials), text);
    }
}

void what_is_settled_does_not_depend_on_what_follows() {
    const std::vector<std::string> specials{"<|a|>", "<|a|><|a|>"};
    const bpe::SpecialTokens finder(specials);
    RandomText random(6);
    for (int i = 0; i < 2000; ++i) {
        const std::string text = random.snippets(random.below(60));
        for (const Pattern pattern : all_patterns) {
            const std::string_view seen =
                std::string_view(text).substr(0, random.below(text.size() + 1));
            const std::size_t settled = bpe::settled_size(seen, pattern, finder);
            CHECK(settled <= seen.size());
            std::vector<std::string> words, expected;
            add_words(text.substr(0, settled), specials, pattern, words);
            add_words(text.substr(settled), specials, pattern, words);
            add_words(text, specials, pattern, expected);
            CHECK_EQUAL_FOR(words, expected, text);
        }
    }
}

void an_empty_special_token_is_refused() {
    CHECK_THROWS(bpe::SpecialTokens({"a", ""}), bpe::Error);
}

void pieces_join_to_the_text_and_split_alike() {
    const std::vector<std::string> specials{"<|a|>", "<|a|><|a|>"};
    const bpe::SpecialTokens finder(specials);
    RandomText random(5);
    for (int i = 0; i < 2000; ++i) {
        const std::string text = random.snippets(random.below(60));
        for (const Pattern pattern : all_patterns) {
            std::string joined;
            std::vector<std::string> words, expected;
            for (const auto piece : bpe::cut_text(text, pattern, finder, random.below(20))) {
                CHECK(!piece.empty());
                joined += piece;
                add_words(piece, specials, pattern, words);
            }
            add_words(text, specials, pattern, expected);
            CHECK_EQUAL_FOR(joined, text, text);
            CHECK_EQUAL_FOR(words, expected, text);
        }
    }
}

}  // namespace

std::vector<Test> cut_tests() {
    return {
        {"safe cuts keep the split", safe_cuts_keep_the_split},
        {"a safe cut stays safe whatever follows", a_safe_cut_stays_safe_whatever_follows},
        {"prose has a safe cut at each space", prose_has_a_safe_cut_at_each_space},
        {"special tokens are found from the left, the longest first",
         special_tokens_are_found_from_the_left_the_longest_first},
        {"what is settled does not depend on what follows",
         what_is_settled_does_not_depend_on_what_follows},
        {"an empty special token is refused", an_empty_special_token_is_refused},
        {"pieces join to the text and split alike", pieces_join_to_the_text_and_split_alike},
    };
}

}  // namespace paribus::tests
