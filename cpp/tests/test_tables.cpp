#include <functional>
#include <map>
#include <set>

#include "bpe/merge/bucket_queue.h"
#include "bpe/merge/token_row.h"
#include "bpe/train/bound_buckets.h"
#include "bpe/train/token_list.h"
#include "bpe/train/word_row.h"
#include "bpe/words/long_word_table.h"
#include "bpe/words/word_counts.h"
#include "bpe/words/word_key.h"
#include "tests/check.h"
#include "tests/random_text.h"

namespace paribus::tests {
namespace {

// Words of all lengths, some with zero bytes at the end; hashes of few bits, so that many meet.
void the_long_word_table_is_as_a_map() {
    RandomText random(11);
    bpe::LongWordTable<std::uint16_t> table;
    std::map<std::string, std::vector<std::uint16_t>> expected;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 20000; ++i) {
            const std::string word = random.bytes(1 + random.below(2)) +
                                     std::string(random.below(24), random.below(2) ? 'x' : '\0');
            const std::uint64_t hash = bpe::hash_of_bytes(word) & 0xFF000000000000FF;
            std::span<std::uint16_t> found = table.find(word, hash);
            const std::vector<std::uint16_t> items(found.begin(), found.end());
            CHECK(items == (expected.contains(word) ? expected[word] : decltype(items){}));
            if (found.empty()) {
                found = table.insert(word, hash, 1 + random.below(5));
                CHECK(std::ranges::all_of(found, [](auto item) { return item == 0; }));
            }
            for (auto& item : found) item = static_cast<std::uint16_t>(random.below(1 << 16));
            expected[word].assign(found.begin(), found.end());
        }
        CHECK_EQUAL(table.size(), expected.size());
        std::size_t n_found = 0;
        table.for_each([&](std::string_view word, std::uint16_t item) {
            CHECK_EQUAL(item, expected.at(std::string(word))[0]);
            ++n_found;
        });
        CHECK_EQUAL(n_found, expected.size());
        table.clear();
        expected.clear();
        CHECK_EQUAL(table.size(), 0U);
    }
}

// CPython hashes by SipHash-1-3 too; with PYTHONHASHSEED=0 its key is zero.
void long_words_are_hashed_by_siphash() {
    const bpe::WordHashFactors zero{0, 0};
    CHECK_EQUAL(bpe::hash_of_bytes("abcdefghijklmnopq", zero), 0x61C47E6DA27EACCCU);
    CHECK_EQUAL(bpe::hash_of_bytes("abcdefghijklmnop", zero), 0x94F60D3D29E6A312U);
    CHECK_EQUAL(bpe::hash_of_bytes("sixteen and more bytes of one word", zero),
                0x4EDD71BF331EB623U);
    CHECK(bpe::hash_of_bytes("abcdefghijklmnop") != 0x94F60D3D29E6A312U);
}

// Each process draws how short words are hashed. Words written against the hash of one, here that
// of factors (1, 1), must not meet in the tables of another.
void short_words_cannot_be_written_to_meet() {
    const bpe::WordHashFactors known{1, 1};
    std::set<std::uint64_t> met, spread;
    for (std::uint64_t i = 0; i < 10000; ++i) {
        const bpe::WordKey key{1000000 - i, (std::uint64_t{15} << 56) + i};
        met.insert(key.hash(known));
        spread.insert(key.hash() >> 40);
    }
    CHECK_EQUAL(met.size(), 1U);
    CHECK(spread.size() > 100);  // nearly always some 10000, and for no draw in 100000 below this
}

// Words with the same head, words that differ in trailing zero bytes, and lengths around the limits
// of the tables.
void words_are_counted_as_a_map_does() {
    RandomText random(14);
    const bpe::Scanner whole_text(bpe::Pattern::none);
    bpe::Checkpoint no_poll({});
    bpe::WordCounts parts[2];
    std::map<std::string, std::uint64_t> expected, found;
    const std::string head = random.bytes(8);
    for (int i = 0; i < 60000; ++i) {
        std::string word = head.substr(0, 1 + random.below(8)) + random.bytes(random.below(2)) +
                           std::string(random.below(10), random.below(2) ? 'x' : '\0');
        if (random.below(50) == 0) word.resize(250 + random.below(12), 'y');
        ++expected[word];
        parts[random.below(2)].add(word, whole_text, no_poll);
    }
    parts[0].add(parts[1]);
    CHECK_EQUAL(parts[0].size(), expected.size());
    parts[0].for_each(
        [&](std::string_view word, bpe::Count count) { CHECK(found.emplace(word, count).second); });
    CHECK(found == expected);
}

struct Bounded {
    bpe::Count bound;
    int tie;

    bool operator<(const Bounded& other) const {
        return std::pair(bound, tie) < std::pair(other.bound, other.tie);
    }
    bool operator==(const Bounded&) const = default;
};

// Bounds of all magnitudes; what comes later is never greater than what was taken.
void the_bound_buckets_give_the_greatest_as_a_set_does() {
    RandomText random(12);
    bpe::BoundBuckets<Bounded> buckets;
    std::multiset<Bounded> expected;
    bpe::Count limit = ~bpe::Count{0};
    for (int i = 0; i < 50000; ++i) {
        if (expected.empty() || random.below(5) < 3) {
            const bpe::Count shrunk = limit >> random.below(12);
            const Bounded value{
                std::max<bpe::Count>(shrunk - std::min<bpe::Count>(shrunk, random.below(3)), 1), i};
            buckets.push(value, std::less<>());
            expected.insert(value);
            continue;
        }
        Bounded found{};
        CHECK(buckets.pop(found, std::less<>()));
        const auto greatest = std::prev(expected.end());
        CHECK(found == *greatest);
        limit = found.bound;
        expected.erase(greatest);
    }
}

void the_bucket_queue_gives_ranks_and_positions_in_order() {
    RandomText random(13);
    bpe::BucketQueue queue;
    std::map<std::uint32_t, std::multiset<std::uint32_t>> expected;
    queue.reset(50, 0);
    bpe::Checkpoint no_poll({});
    std::vector<std::uint32_t> positions;
    for (int i = 0; i < 20000; ++i) {
        if (random.below(10) != 0) {
            const auto rank = static_cast<std::uint32_t>(random.below(50));
            const auto position = static_cast<std::uint32_t>(random.below(1000));
            queue.add(rank, position);
            expected[rank].insert(position);
        } else if (!expected.empty()) {
            const auto [rank, sorted] = *expected.begin();
            CHECK_EQUAL(queue.lowest(), rank);
            CHECK_EQUAL(queue.take_lowest(positions, no_poll), rank);
            CHECK(std::vector(sorted.begin(), sorted.end()) == positions);
            expected.erase(rank);
        }
        CHECK_EQUAL(queue.empty(), expected.empty());
    }
}

void a_token_row_knows_its_neighbours_after_merges() {
    const std::vector<std::uint32_t> lengths{1, 1, 2, 3};  // of a, b, ab, aab
    bpe::TokenRow row(lengths);
    for (const bpe::Id id : {0U, 0U, 1U, 1U}) row.append(id);
    CHECK(row.holds_pair(1, 0, 1));
    row.merge(1, 2);
    CHECK(!row.holds_pair(1, 0, 1) && !row.holds_pair(2, 1, 1));
    CHECK_EQUAL(row.next(1), 3U);
    CHECK_EQUAL(row.previous(3), 1U);
    row.merge(0, 3);
    CHECK_EQUAL(row.at(row.previous(3)), 3U);
    CHECK_EQUAL(row.next(0), 3U);
    CHECK(row.holds_pair(0, 3, 1) && !row.holds_pair(3, 1, 0));
}

// Counts small and large, few words and many of each; words of all lengths.
void a_word_row_tells_the_count_at_each_place() {
    RandomText random(14);
    std::map<std::string, bpe::Count> expected;
    while (expected.size() < 3000) {
        const bpe::Count count = 1 + random.below(std::size_t{1} << random.below(40));
        expected.emplace(std::string(1 + random.below(90), 'x') + random.bytes(3), count);
    }
    bpe::Checkpoint checkpoint({});
    const bpe::WordRow<std::uint16_t> row(
        [&](const bpe::VisitWord& visit) {
            for (const auto& [word, count] : expected) visit(word, count);
        },
        checkpoint);
    std::map<std::string, bpe::Count> found;
    bpe::CountRuns::Reader all(row.runs());
    bpe::Count last = ~bpe::Count{0};
    CHECK_EQUAL(row.at(0), bpe::border);
    for (std::uint32_t at = 1; at < row.size(); ++at) {
        const std::uint32_t begin = at;
        std::string word;
        for (; row.at(at) != bpe::border; ++at) word += static_cast<char>(row.at(at) - 1);
        const bpe::Count count = bpe::CountRuns::Reader(row.runs()).at(begin);
        CHECK(all.at(at) == count && count <= last);
        found.emplace(word, last = count);
    }
    CHECK(found == expected);
}

}  // namespace

std::vector<Test> table_tests() {
    return {
        {"the long word table is as a map", the_long_word_table_is_as_a_map},
        {"words are counted as a map does", words_are_counted_as_a_map_does},
        {"long words are hashed by SipHash", long_words_are_hashed_by_siphash},
        {"short words cannot be written to meet", short_words_cannot_be_written_to_meet},
        {"the bound buckets give the greatest as a set does",
         the_bound_buckets_give_the_greatest_as_a_set_does},
        {"the bucket queue gives ranks and positions in order",
         the_bucket_queue_gives_ranks_and_positions_in_order},
        {"a token row knows its neighbours after merges",
         a_token_row_knows_its_neighbours_after_merges},
        {"a word row tells the count at each place", a_word_row_tells_the_count_at_each_place},
    };
}

}  // namespace paribus::tests
