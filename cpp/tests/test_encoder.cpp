#include <thread>

#include "bpe/encode/decoder.h"
#include "bpe/encode/encoder.h"
#include "bpe/merge/word_merger.h"
#include "tests/check.h"
#include "tests/naive.h"
#include "tests/random_text.h"
#include "tests/random_vocabulary.h"

namespace paribus::tests {
namespace {

using bpe::Encoder;
using bpe::EncoderTables;
using bpe::EncodingOptions;
using bpe::Id;
using bpe::Pattern;

constexpr Pattern all_patterns[] = {Pattern::gpt2, Pattern::cl100k, Pattern::o200k, Pattern::none};

EncoderTables random_tables(RandomText& random, std::size_t n_merges, Pattern pattern) {
    return random_vocabulary(n_merges, pattern,
                             [&](std::size_t limit) { return random.below(limit); });
}

void encoding_equals_the_naive_encoder() {
    RandomText random(31);
    for (int i = 0; i < rounds(200); ++i) {
        for (const Pattern pattern : all_patterns) {
            const EncoderTables tables = random_tables(random, random.below(60), pattern);
            const Encoder encoder(tables);
            for (int round = 0; round < 4; ++round) {
                // 65 bytes and more without a space go the way of long words.
                const std::string text = round % 2 == 0 ? random.words(random.below(260))
                                                        : random.snippets(random.below(30));
                const bool allow_special = random.below(2) == 0;
                const auto ids = encoder.encode(text, {allow_special}, {}).to_vector();
                CHECK_EQUAL_FOR(ids, naive_encode(text, tables, allow_special), text);
                CHECK_EQUAL_FOR(encoder.decoder().decode(ids), text, text);
            }
        }
    }
}

// (d, abc) is the first rule, but the first merge of a and bc makes (abc, d), which comes before
// the other merges of a and bc: no d is left for it.
void a_merge_that_makes_a_lower_rank_waits_for_it() {
    EncoderTables tables;
    tables.pattern = Pattern::none;
    for (int byte = 0; byte < 256; ++byte) {
        tables.byte_ids.push_back(static_cast<Id>(byte));
        tables.tokens.emplace_back(1, static_cast<char>(byte));
    }
    for (const char* token : {"bc", "abc", "abcd", "dabc"}) tables.tokens.emplace_back(token);
    tables.merges = {{'d', 257, 259}, {257, 'd', 258}, {'b', 'c', 256}, {'a', 256, 257}};
    const Encoder encoder(tables);
    for (const std::size_t n_words : {3U, 30U}) {  // a short word and a long one
        std::string text;
        for (std::size_t i = 0; i < n_words; ++i) text += "abcd";
        CHECK(encoder.encode(text, {}, {}).to_vector() == std::vector<Id>(n_words, 258));
    }
}

void adversarial_words_encode_as_the_naive_encoder_does() {
    RandomText random(32);
    for (int i = 0; i < 8; ++i) {
        const EncoderTables tables = random_tables(random, 40, Pattern::none);
        const Encoder encoder(tables);
        for (const std::string& text : adversarial_texts(300)) {
            CHECK_EQUAL_FOR(encoder.encode(text, {}, {}).to_vector(),
                            naive_encode(text, tables, false), text);
        }
    }
}

// Windows down to a few bytes, less than the longest tokens, so that all ways of joining two come
// up.
void long_words_merge_alike_in_windows_of_any_size() {
    RandomText random(45);
    std::size_t n_rising = 0;
    for (int i = 0; i < 150; ++i) {
        const EncoderTables tables = random_tables(random, random.below(60), Pattern::none);
        const bpe::MergeTables merges = merge_tables(tables);
        n_rising += merges.ranks_rise ? 1 : 0;
        const std::string text = random.words(65 + random.below(200)).substr(0, 250);
        const std::vector<Id> expected = naive_merge_word(text, tables);
        for (const std::size_t window_size : {8U, 20U, 33U, 64U, 100U, 249U, 250U}) {
            bpe::WordMerger merger(merges, {window_size, random.below(5)});
            bpe::Checkpoint no_poll({});
            std::vector<Id> found{7};
            merger.merge(text, found, no_poll);
            CHECK_EQUAL(found.front(), 7U);
            found.erase(found.begin());
            CHECK_EQUAL_FOR(found, expected, text);
        }
    }
    CHECK(n_rising > 30 && n_rising < 120);
}

// A rule that is listed twice changes nothing, but its ranks do not rise: the word merges whole.
void windows_change_no_long_word() {
    RandomText random(46);
    for (int i = 0; i < rounds(6); ++i) {
        EncoderTables tables = random_tables(random, 60, Pattern::none);
        const Encoder in_windows(tables);
        tables.merges.insert(tables.merges.end(), tables.merges.begin(), tables.merges.end());
        const Encoder whole(tables);
        for (const std::string& text : adversarial_texts(20000)) {
            CHECK(in_windows.encode(text, {}, {}).to_vector() ==
                  whole.encode(text, {}, {}).to_vector());
        }
        const std::string text = random.words(20000);
        CHECK(in_windows.encode(text, {}, {}).to_vector() ==
              whole.encode(text, {}, {}).to_vector());
    }
}

void neither_threads_nor_pieces_change_the_ids() {
    RandomText random(33);
    for (int i = 0; i < rounds(60); ++i) {
        for (const Pattern pattern : all_patterns) {
            const Encoder encoder(random_tables(random, 40, pattern));
            std::vector<std::string> texts;
            for (std::size_t n = random.below(6); n-- > 0;) {
                texts.push_back(random.snippets(random.below(120)));
            }
            const std::vector<std::string_view> views(texts.begin(), texts.end());
            for (const bool allow_special : {false, true}) {
                const auto expected = encoder.encode_many(views, {allow_special}, {});
                for (const std::size_t n_threads : {2U, 3U, 8U}) {
                    const EncodingOptions options{allow_special, n_threads, 1 + random.below(50)};
                    const auto encoded = encoder.encode_many(views, options, {});
                    const auto ids = encoded.ids.to_vector();
                    CHECK(ids == expected.ids.to_vector());
                    CHECK(encoded.offsets == expected.offsets);
                    for (std::size_t text = 0; text < views.size(); ++text) {
                        const auto alone = encoder.encode(views[text], options, {}).to_vector();
                        CHECK(std::equal(
                            alone.begin(), alone.end(),
                            ids.begin() + static_cast<std::ptrdiff_t>(encoded.offsets[text])));
                    }
                }
            }
        }
    }
}

void offsets_begin_at_zero_and_end_at_the_number_of_ids() {
    RandomText random(34);
    const Encoder encoder(random_tables(random, 10, Pattern::gpt2));
    CHECK(encoder.encode_many({}, {}, {}).offsets == std::vector<std::uint64_t>({0}));
    const std::vector<std::string_view> texts{"", "\x01\x02", ""};
    CHECK(encoder.encode_many(texts, {}, {}).offsets == std::vector<std::uint64_t>({0, 0, 2, 2}));
}

void many_threads_may_use_one_encoder_at_once() {
    RandomText random(35);
    const Encoder encoder(random_tables(random, 60, Pattern::gpt2));
    const std::string text = random.words(20000) + random.snippets(4000);
    const auto expected = encoder.encode(text, {}, {}).to_vector();
    std::vector<std::vector<Id>> found(8);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < found.size(); ++i) {
        threads.emplace_back(
            [&, i] { found[i] = encoder.encode(text, {false, 1 + i % 2, 999}, {}).to_vector(); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& ids : found) CHECK(ids == expected);
}

// Small caches forget all the time, large ones never do.
void the_size_of_the_cache_never_changes_the_ids() {
    RandomText random(40);
    for (int i = 0; i < 10; ++i) {
        const EncoderTables tables = random_tables(random, 60, Pattern::gpt2);
        const std::string text = random.words(6000) + random.snippets(2000) + random.bytes(5000);
        const auto expected = naive_encode(text, tables, false);
        for (const std::size_t cache_bytes : {0U, 5000U, 20000U, 100000U, 1U << 30}) {
            const Encoder encoder(tables, cache_bytes);
            for (int round = 0; round < 2; ++round) {
                CHECK(encoder.encode(text, {}, {}).to_vector() == expected);
            }
        }
    }
}

// A vocabulary of more than 65,536 ids, most of them unused.
void wide_ids_are_those_of_the_narrow_encoder() {
    RandomText random(43);
    for (int i = 0; i < 10; ++i) {
        EncoderTables tables = random_tables(random, 60, Pattern::gpt2);
        const std::string text = random.words(6000) + random.snippets(2000) + random.bytes(5000);
        const auto narrow = Encoder(tables).encode(text, {true}, {});
        tables.tokens.resize(65536);
        CHECK_EQUAL(Encoder(tables).encode(text, {}, {}).width(), 2U);
        tables.tokens.resize(65537);
        const auto wide = Encoder(tables).encode(text, {true}, {});
        CHECK_EQUAL(narrow.width(), 2U);
        CHECK_EQUAL(wide.width(), 4U);
        CHECK(narrow.to_vector() == wide.to_vector());
    }
}

// Rank by rank a quadratic merge of these would take hours.
void long_words_encode_in_linear_time() {
    RandomText random(36);
    const Encoder encoder(random_tables(random, 60, Pattern::none));
    for (const std::string& text : adversarial_texts(1 << 18)) {
        CHECK(encoder.decoder().decode(encoder.encode(text, {}, {}).to_vector()) == text);
    }
}

void the_poll_may_stop_the_encoder_which_stays_sound() {
    struct Stop {};
    RandomText random(37);
    const Encoder encoder(random_tables(random, 60, Pattern::none));
    const std::string text(std::size_t{4} << 20, 'a');
    for (const std::size_t n_threads : {1U, 2U}) {
        CHECK_THROWS(encoder.encode(text, {false, n_threads}, [] { throw Stop{}; }), Stop);
        CHECK(encoder.decoder().decode(encoder.encode("aaab", {}, {}).to_vector()) == "aaab");
    }
}

void an_unknown_id_is_refused_with_its_position() {
    RandomText random(38);
    const Encoder encoder(random_tables(random, 0, Pattern::gpt2));
    for (const Id unknown : {Id{2}, Id{259}, Id{0xFFFFFFFF}}) {
        try {
            const std::vector<Id> ids{0, 5, unknown};
            encoder.decoder().decode(ids);
            CHECK(false && "an unknown id was decoded");
        } catch (const bpe::Error& error) {
            CHECK_EQUAL(std::string(error.what()),
                        "position 2: expected an id of the vocabulary, below 259, found id " +
                            std::to_string(unknown));
        }
    }
}

void tokens_are_written_whole_and_nothing_behind_them() {
    const bpe::Decoder decoder(
        std::vector<std::string>{"a", std::string(16, 'b'), "", std::string(40, 'c')});
    const std::vector<std::int64_t> ids{3, 0, 1, 0, 3, 1, 0};
    const std::span<const std::int64_t> row(ids);
    std::string out(decoder.n_bytes(row) + 1, '!');
    decoder.write(row, std::span(out).first(out.size() - 1));
    const std::string b(16, 'b'), c(40, 'c');
    CHECK_EQUAL(out, c + "a" + b + "a" + c + b + "a!");
    for (const std::int64_t unknown : {-1, 2, 4}) {
        const std::vector<std::int64_t> others{0, unknown};
        CHECK_THROWS(decoder.n_bytes(std::span<const std::int64_t>(others)), bpe::Error);
    }
}

void ids_that_change_between_the_two_looks_write_nothing_outside() {
    const bpe::Decoder decoder(std::vector<std::string>{"a", std::string(40, 'c')});
    std::string out(41, '!');
    for (const std::vector<Id>& changed : std::vector<std::vector<Id>>{{1, 1}, {0, 0}, {7, 1}}) {
        CHECK_THROWS(decoder.write(std::span<const Id>(changed), std::span(out).first(40)),
                     bpe::Error);
        CHECK_EQUAL(out.back(), '!');
    }
}

void tables_that_contradict_themselves_are_refused() {
    RandomText random(39);
    const EncoderTables good = random_tables(random, 20, Pattern::gpt2);
    const auto refused = [&](const std::function<void(EncoderTables&)>& damage) {
        EncoderTables tables = good;
        damage(tables);
        CHECK_THROWS(Encoder(std::move(tables)), bpe::Error);
    };
    const Encoder accepted(good);
    refused([](EncoderTables& tables) { tables.byte_ids.pop_back(); });
    refused([](EncoderTables& tables) { std::swap(tables.byte_ids[0], tables.byte_ids[1]); });
    refused([](EncoderTables& tables) { tables.byte_ids[9] = 100000; });
    refused([](EncoderTables& tables) { tables.byte_ids[9] = 2; });
    refused([](EncoderTables& tables) { tables.merges[3].left = 0xFFFFFFFF; });
    refused([](EncoderTables& tables) { tables.merges[3].result = tables.byte_ids[0]; });
    refused([](EncoderTables& tables) { tables.specials[0].id = 100000; });
    refused([](EncoderTables& tables) { tables.specials[1].text.clear(); });
    refused([](EncoderTables& tables) { tables.tokens.clear(); });
}

}  // namespace

std::vector<Test> encoder_tests() {
    return {
        {"encoding equals the naive encoder", encoding_equals_the_naive_encoder},
        {"a merge that makes a lower rank waits for it",
         a_merge_that_makes_a_lower_rank_waits_for_it},
        {"adversarial words encode as the naive encoder does",
         adversarial_words_encode_as_the_naive_encoder_does},
        {"long words merge alike in windows of any size",
         long_words_merge_alike_in_windows_of_any_size},
        {"windows change no long word", windows_change_no_long_word},
        {"neither threads nor pieces change the ids", neither_threads_nor_pieces_change_the_ids},
        {"offsets begin at zero and end at the number of ids",
         offsets_begin_at_zero_and_end_at_the_number_of_ids},
        {"many threads may use one encoder at once", many_threads_may_use_one_encoder_at_once},
        {"the size of the cache never changes the ids",
         the_size_of_the_cache_never_changes_the_ids},
        {"wide ids are those of the narrow encoder", wide_ids_are_those_of_the_narrow_encoder},
        {"long words encode in linear time", long_words_encode_in_linear_time},
        {"the poll may stop the threads of an encoder, which stays sound",
         the_poll_may_stop_the_encoder_which_stays_sound},
        {"an unknown id is refused with its position", an_unknown_id_is_refused_with_its_position},
        {"tokens are written whole and nothing behind them",
         tokens_are_written_whole_and_nothing_behind_them},
        {"ids that change between the two looks write nothing outside",
         ids_that_change_between_the_two_looks_write_nothing_outside},
        {"tables that contradict themselves are refused",
         tables_that_contradict_themselves_are_refused},
    };
}

}  // namespace paribus::tests
