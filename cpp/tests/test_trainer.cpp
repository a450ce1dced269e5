#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <system_error>

#include "bpe/train/merge_learner.h"
#include "bpe/train/trainer.h"
#include "tests/check.h"
#include "tests/naive.h"
#include "tests/random_text.h"

namespace paribus::tests {
namespace {

using bpe::Merge;
using bpe::Pattern;
using bpe::Ties;
using bpe::TrainingOptions;
using bpe::TrainingResult;

// Byte ids in an order other than that of the bytes, so that the two tie rules differ.
TrainingOptions options_for(Pattern pattern, Ties ties, bpe::Count n_merges) {
    TrainingOptions options;
    options.pattern = pattern;
    options.ties = ties;
    options.n_merges = n_merges;
    options.specials = {"<|a|>", "<|a|><|a|>", "<|a"};  // each is a prefix of another
    for (std::size_t byte = 0; byte < 256; ++byte) {
        options.byte_ids[byte] = static_cast<bpe::Id>(2 + (byte * 7) % 256);
    }
    options.first_merge_id = 258;
    return options;
}

TrainingResult train(const std::vector<std::string>& blocks, const TrainingOptions& options) {
    bpe::Trainer trainer(options);
    for (const std::string& block : blocks) trainer.feed(block, {});
    return trainer.finish({});
}

void check_same(const TrainingResult& a, const TrainingResult& b, const std::string& text) {
    CHECK_EQUAL_FOR(a.merges, b.merges, text);
    CHECK_EQUAL_FOR(a.n_distinct_pretokens, b.n_distinct_pretokens, text);
    CHECK_EQUAL_FOR(a.n_bytes, b.n_bytes, text);
    CHECK_EQUAL_FOR(a.ran_out, b.ran_out, text);
}

void check_against_naive(const std::string& text, TrainingOptions options) {
    check_same(train({text}, options), naive_train(text, options), text);
}

void a_worked_example_by_hand() {
    TrainingOptions options = options_for(Pattern::gpt2, Ties::cs336, 3);
    const TrainingResult result = train({"low low low lower lower newest widest"}, options);
    // "ow" and "lo" are as frequent: the greater pair of byte strings is ("o", "w").
    CHECK(result.merges == std::vector<Merge>({{"o", "w"}, {"l", "ow"}, {" ", "low"}}));
    CHECK(!result.ran_out);
    CHECK_EQUAL(result.n_distinct_pretokens, 5U);
}

void training_equals_the_naive_trainer() {
    RandomText random(21);
    for (int i = 0; i < rounds(250); ++i) {
        for (const Pattern pattern :
             {Pattern::gpt2, Pattern::cl100k, Pattern::o200k, Pattern::none}) {
            for (const Ties ties : {Ties::cs336, Ties::hf}) {
                TrainingOptions options = options_for(pattern, ties, random.below(40));
                if (random.below(3) == 0) options.max_token_length = 1 + random.below(6);
                check_against_naive(random.words(random.below(120)), options);
                check_against_naive(random.snippets(random.below(30)), options);
            }
        }
    }
}

void adversarial_words_train_as_the_naive_trainer() {
    for (const std::string& text : adversarial_texts(200)) {
        for (const Ties ties : {Ties::cs336, Ties::hf}) {
            check_against_naive(text, options_for(Pattern::none, ties, 60));
        }
    }
}

// The naive trainer does not rely on this law.
void no_two_merges_make_the_same_bytes() {
    RandomText random(22);
    for (int i = 0; i < rounds(100); ++i) {
        const std::string text = random.words(400) + std::string(random.below(70), 'a');
        const Pattern pattern = random.below(2) == 0 ? Pattern::gpt2 : Pattern::none;
        const auto result = naive_train(text, options_for(pattern, Ties::cs336, 80));
        std::set<std::string> made;
        for (const auto& [left, right] : result.merges) {
            CHECK_EQUAL_FOR(made.insert(left + right).second, true, text);
        }
    }
}

void neither_cuts_nor_threads_change_the_result() {
    RandomText random(23);
    for (int i = 0; i < rounds(150); ++i) {
        const std::string text = random.snippets(random.below(200));
        for (const Pattern pattern :
             {Pattern::gpt2, Pattern::cl100k, Pattern::o200k, Pattern::none}) {
            TrainingOptions options = options_for(pattern, Ties::cs336, 20);
            if (random.below(2) == 0) options.specials = {"<|a|><|a|>", "<|a"};
            const TrainingResult expected = train({text}, options);
            for (const std::size_t n_threads : {1U, 2U, 3U, 8U}) {
                options.n_threads = n_threads;
                options.batch_size = 1 + random.below(40);
                check_same(train(random.blocks(text, 1 + random.below(30)), options), expected,
                           text);
            }
        }
    }
}

void counts_beyond_32_bits_are_exact() {
    const bpe::WordSource words = [](const bpe::VisitWord& visit) {
        visit("ab", (bpe::Count{1} << 33) + 1);
        visit("cd", bpe::Count{1} << 33);
        visit("xcd", 2);  // (c, d) wins by one occurrence
    };
    const auto learned = bpe::learn_merges(words, options_for(Pattern::gpt2, Ties::cs336, 2), {});
    CHECK(!learned.ran_out);
    CHECK(learned.merges == std::vector<Merge>({{"c", "d"}, {"a", "b"}}));
}

void training_stops_early_when_pairs_run_out() {
    const TrainingResult result = train({"aaaa"}, options_for(Pattern::gpt2, Ties::cs336, 100));
    CHECK(result.ran_out);
    CHECK(result.merges == std::vector<Merge>({{"a", "a"}, {"aa", "aa"}}));
    CHECK(train({}, options_for(Pattern::gpt2, Ties::cs336, 1)).ran_out);
    CHECK(!train({}, options_for(Pattern::gpt2, Ties::cs336, 0)).ran_out);
}

void progress_is_told_and_may_stop_the_training() {
    struct Stop {};
    RandomText random(24);
    TrainingOptions options = options_for(Pattern::gpt2, Ties::cs336, 2000);
    options.batch_size = 1 << 12;
    const std::string text = random.bytes(1 << 15);
    for (const std::string_view stage : {"count", "merge"}) {
        bool was_told = false;
        const bpe::Progress stop = [&](std::string_view at, bpe::Count, std::optional<bpe::Count>) {
            if (at != stage) return;
            was_told = true;
            throw Stop{};
        };
        bpe::Trainer trainer(options);
        CHECK_THROWS((trainer.feed(text, stop), trainer.finish(stop)), Stop);
        CHECK(was_told);
    }
}

void ids_beyond_32_bits_are_refused() {
    TrainingOptions options = options_for(Pattern::gpt2, Ties::cs336, 1);
    options.n_merges = bpe::absent;
    CHECK_THROWS(bpe::Trainer{options}, bpe::Error);
}

// A quadratic step would take minutes here.
void a_word_of_256_kib_trains_in_linear_time() {
    for (const std::string& text : adversarial_texts(1 << 18)) {
        TrainingOptions options = options_for(Pattern::none, Ties::cs336, 300);
        options.specials.clear();
        CHECK(!train({text}, options).merges.empty());
    }
}

// A new folder, removed by the destructor.
class TemporaryFolder {
  public:
    TemporaryFolder()
        : path_(std::filesystem::temp_directory_path() /
                ("paribus-tests-" + std::to_string(std::random_device()()))) {
        std::filesystem::create_directory(path_);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }

    std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

void counts_on_disk_add_up_as_a_map_does() {
    RandomText random(25);
    const TemporaryFolder folder;
    std::map<std::string, bpe::Count> expected, found;
    std::string last;
    {
        bpe::WordSpill spill(folder.path(), 1);  // the smallest buffers: runs are read in parts
        const bpe::Scanner scanner(Pattern::gpt2);
        bpe::Checkpoint checkpoint({});
        for (int run = 0; run < 7; ++run) {
            bpe::WordCounts counts;
            const std::string text = random.words(20000) + std::string(9000, 'x');
            counts.add(text, scanner, checkpoint);
            counts.for_each([&](std::string_view word, bpe::Count count) {
                expected[std::string(word)] += count;
            });
            spill.write(counts);
        }
        for (int pass = 0; pass < 2; ++pass) {
            found.clear();
            spill.for_each([&](std::string_view word, bpe::Count count) {
                CHECK(found.empty() || found.rbegin()->first < word);
                found.emplace(word, count);
            });
            CHECK(found == expected);
        }
    }
    CHECK_THROWS(
        [&] {
            bpe::WordSpill spill(folder.path() + "/no such folder", 1);
            spill.write({});
        }(),
        std::system_error);
}

std::string random_word(RandomText& random) {
    std::string word;
    for (int i = 0; i < 7; ++i) word += static_cast<char>('a' + random.below(26));
    return word;
}

// With the smallest limit, the tables of this many words do not fit and are written to disk.
void a_limit_of_memory_never_changes_the_result() {
    RandomText random(26);
    const TemporaryFolder folder;
    std::string text;
    while (text.size() < (3 << 20)) text += ' ' + random_word(random);
    TrainingOptions options = options_for(Pattern::gpt2, Ties::cs336, 300);
    const TrainingResult expected = train({text}, options);
    options.memory = bpe::MemoryBudget{.n_bytes = 1, .spill_folder = folder.path()};
    std::size_t needed = 0;
    try {
        train({text}, options);
    } catch (const bpe::MemoryLimit& error) {
        needed = error.n_needed;
    }
    CHECK(needed > text.size());
    options.memory->n_bytes = needed - 1;
    CHECK_THROWS(train({text}, options), bpe::MemoryLimit);
    options.memory->n_bytes = needed;
    check_same(train({text}, options), expected, "random words");
    CHECK(std::filesystem::file_size(folder.path() + "/words") > text.size());
}

}  // namespace

std::vector<Test> trainer_tests() {
    return {
        {"a worked example trains as by hand", a_worked_example_by_hand},
        {"training equals the naive trainer", training_equals_the_naive_trainer},
        {"adversarial words train as the naive trainer does",
         adversarial_words_train_as_the_naive_trainer},
        {"no two merges make the same bytes", no_two_merges_make_the_same_bytes},
        {"neither cuts nor threads change the training",
         neither_cuts_nor_threads_change_the_result},
        {"counts beyond 32 bits are exact", counts_beyond_32_bits_are_exact},
        {"training stops early when the pairs run out", training_stops_early_when_pairs_run_out},
        {"progress is told and may stop the training", progress_is_told_and_may_stop_the_training},
        {"ids beyond 32 bits are refused", ids_beyond_32_bits_are_refused},
        {"counts on disk add up as a map does", counts_on_disk_add_up_as_a_map_does},
        {"a limit of memory never changes the result", a_limit_of_memory_never_changes_the_result},
        {"a word of 256 KiB trains in linear time", a_word_of_256_kib_trains_in_linear_time},
    };
}

}  // namespace paribus::tests
