// The core against its oracle, and the laws that it keeps.
#include <algorithm>
#include <cstdio>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bpe/encoder.h"
#include "bpe/trainer.h"
#include "tests/oracle.h"

namespace {

using bpe::Pattern;
using bpe::Ties;
using oracle::Random;
using oracle::Vocabulary;

constexpr std::size_t thread_counts[] = {1, 2, 3, 8};

void training_follows_an_example_by_hand() {
    // aa 4 times; then (aa, a) and (a, b) twice, the greater one first; then (aaa, b) twice.
    const auto trained =
        oracle::train_by_core({"aaabdaaabac"}, Pattern::none, 3, Ties::greatest_bytes, 0, 1);
    CHECK((trained.merges == std::vector<bpe::Merge>{{"a", "a"}, {"aa", "a"}, {"aaa", "b"}}));
    CHECK(!trained.ran_out);
}

void training_equals_the_oracle() {
    Random random(1);
    for (int round = 0; round < 200; ++round) {
        const std::string text = random.text(random.below(120));
        const Pattern pattern = oracle::patterns[random.below(4)];
        const Ties ties = random.below(2) == 0 ? Ties::greatest_bytes : Ties::smallest_ids;
        const std::size_t n_new_ids = random.below(60), longest = random.below(3) * 3;
        const auto expected = oracle::train(text, pattern, n_new_ids, ties, longest);
        for (const std::size_t n_threads : {std::size_t{1}, std::size_t{3}}) {
            CHECK(oracle::train_by_core(random.blocks(text), pattern, n_new_ids, ties, longest,
                                        n_threads) == expected);
        }
    }
}

void threads_and_blocks_change_no_merge() {
    Random random(2);
    const std::string text = random.text(400'000);
    const auto expected =
        oracle::train_by_core({text}, Pattern::gpt2, 200, Ties::greatest_bytes, 0, 1);
    for (const std::size_t n_threads : thread_counts) {
        CHECK(oracle::train_by_core(random.blocks(text), Pattern::gpt2, 200, Ties::greatest_bytes,
                                    0, n_threads) == expected);
    }
}

void encoding_equals_the_oracle() {
    Random random(3);
    for (int round = 0; round < 200; ++round) {
        const Vocabulary vocabulary = random.vocabulary(random.below(40));
        const Pattern pattern = oracle::patterns[random.below(4)];
        const bpe::Encoder encoder = vocabulary.encoder(pattern);
        const std::string text = random.text(random.below(150));
        for (const bool allow_special : {false, true}) {
            const auto expected = oracle::encode(text, vocabulary, pattern, allow_special);
            CHECK(encoder.encode(text, allow_special, 1, [] {}) == expected);
            CHECK(encoder.encode(text, allow_special, 3, [] {}) == expected);  // with a warm cache
        }
    }
}

void long_words_equal_the_oracle() {
    Random random(4);
    const Vocabulary vocabulary = random.vocabulary(60);
    const bpe::Encoder encoder = vocabulary.encoder(Pattern::none);
    std::vector<std::string> texts = {std::string(3000, 'a'), random.text(600)};
    for (std::string& text : texts) {
        for (int i = 0; i < 200; ++i) text += "ab";
        CHECK(encoder.encode(text, false, 1, [] {}) ==
              oracle::encode(text, vocabulary, Pattern::none, false));
    }
}

void threads_change_no_id() {
    Random random(5);
    const Vocabulary vocabulary = random.vocabulary(200);
    std::string text = random.text(300'000) + std::string(100'000, 'a') + random.text(300'000);
    for (const Pattern pattern : oracle::patterns) {
        const bpe::Encoder encoder = vocabulary.encoder(pattern);
        const auto expected = encoder.encode(text, true, 1, [] {});
        for (const std::size_t n_threads : thread_counts) {
            CHECK(encoder.encode(text, true, n_threads, [] {}) == expected);
        }
    }
}

void many_texts_are_encoded_as_one_by_one() {
    Random random(6);
    const bpe::Encoder encoder = random.vocabulary(100).encoder(Pattern::gpt2);
    std::vector<std::string> texts = {""};
    for (int i = 0; i < 300; ++i) texts.push_back(random.text(random.below(300)));
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    for (const std::size_t n_threads : thread_counts) {
        const auto [ids, offsets] = encoder.encode_many(views, true, n_threads, [] {});
        CHECK(offsets.size() == texts.size() + 1 && offsets.back() == ids.size());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto expected = encoder.encode(texts[i], true, 1, [] {});
            CHECK(std::ranges::equal(
                expected, std::span(ids).subspan(offsets[i], offsets[i + 1] - offsets[i])));
        }
    }
}

void decoding_gives_every_byte_back() {
    Random random(7);
    std::string all_bytes;
    for (int byte = 0; byte < 256; ++byte) all_bytes.push_back(static_cast<char>(byte));
    for (const Pattern pattern : oracle::patterns) {
        const bpe::Encoder encoder = random.vocabulary(80).encoder(pattern);
        for (const std::string& text : {std::string(), all_bytes, random.text(5000)}) {
            CHECK(encoder.decode(encoder.encode(text, false, 2, [] {})) == text);
            CHECK(encoder.decode(encoder.encode(text, true, 2, [] {})) == text);
        }
    }
}

void an_unknown_id_is_named() {
    const bpe::Encoder encoder = Vocabulary().encoder(Pattern::gpt2);
    const std::vector<bpe::TokenId> ids = {1, 2, 100'000};
    try {
        encoder.decode(ids);
    } catch (const bpe::Error& error) {
        CHECK(std::string_view(error.what()).find("100000") != std::string_view::npos);
        return;
    }
    CHECK(!"decode refuses an unknown id");
}

void a_sure_border_is_one_whatever_follows() {
    Random random(8);
    for (int round = 0; round < 2000; ++round) {
        const Pattern pattern = oracle::patterns[random.below(4)];
        const std::string text = random.text(2 + random.below(30));
        const std::size_t border = bpe::next_sure_border(pattern, text, random.below(text.size()));
        if (border == std::string_view::npos) continue;
        std::vector<std::string> parts = oracle::pretokens(text.substr(0, border), pattern);
        const auto rest = oracle::pretokens(text.substr(border), pattern);
        parts.insert(parts.end(), rest.begin(), rest.end());
        CHECK(oracle::pretokens(text, pattern) == parts);
    }
}

void a_caller_can_stop_the_work() {
    const std::string text = Random(9).text(500'000);
    const bpe::Encoder encoder = Random(9).vocabulary(50).encoder(Pattern::gpt2);
    const auto stop = [] { throw std::runtime_error("stop"); };
    for (const std::size_t n_threads : thread_counts) {
        bool is_stopped = false;
        try {
            encoder.encode(text, false, n_threads, stop);
        } catch (const std::runtime_error&) {
            is_stopped = true;
        }
        CHECK(is_stopped);
    }
    CHECK(encoder.decode(encoder.encode(text, false, 2, [] {})) == text);  // it still works
}

}  // namespace

int main() {
    const std::pair<const char*, void (*)()> tests[] = {
        {"training follows an example by hand", training_follows_an_example_by_hand},
        {"training equals the oracle", training_equals_the_oracle},
        {"threads and blocks change no merge", threads_and_blocks_change_no_merge},
        {"encoding equals the oracle", encoding_equals_the_oracle},
        {"long words equal the oracle", long_words_equal_the_oracle},
        {"threads change no id", threads_change_no_id},
        {"many texts are encoded as one by one", many_texts_are_encoded_as_one_by_one},
        {"decoding gives every byte back", decoding_gives_every_byte_back},
        {"an unknown id is named", an_unknown_id_is_named},
        {"a sure border is one whatever follows", a_sure_border_is_one_whatever_follows},
        {"a caller can stop the work", a_caller_can_stop_the_work},
    };
    for (const auto& [name, test] : tests) {
        std::printf("%s\n", name);
        std::fflush(stdout);  // a failure ends the program
        test();
    }
    return 0;
}
