#include <map>
#include <set>

#include "bpe/bucket_queue.h"
#include "bpe/pair_table.h"
#include "bpe/token_row.h"
#include "bpe/word_table.h"
#include "tests/check.h"
#include "tests/random_text.h"

namespace paribus::tests {
namespace {

void the_word_table_counts_as_a_map_does() {
    RandomText random(11);
    bpe::WordTable table;
    std::map<std::string, std::uint64_t> expected;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 60000; ++i) {
            // Short and long ones, and zero bytes at the end, which the padding must not hide.
            const std::string word = random.bytes(1 + random.below(2)) +
                                     std::string(random.below(24), random.below(2) ? 'x' : '\0');
            CHECK_EQUAL(table.find(word), expected.contains(word) ? expected[word] : 0);
            table[word] += std::uint64_t{1} << 40;
            expected[word] += std::uint64_t{1} << 40;
        }
        CHECK_EQUAL(table.size(), expected.size());
        std::map<std::string, std::uint64_t> found;
        table.for_each([&](std::string_view word, std::uint64_t value) {
            CHECK(found.emplace(word, value).second);
        });
        CHECK(found == expected);
        table.clear();
        expected.clear();
        CHECK_EQUAL(table.size(), 0U);
    }
}

// Words of one head, and words that differ in zero bytes at the end. The smallest table is nearly
// full of them, so that they meet.
void words_alike_in_part_are_told_apart() {
    RandomText random(14);
    for (int round = 0; round < 500; ++round) {
        bpe::WordTable table;
        std::map<std::string, std::uint64_t> expected;
        const std::string head = random.bytes(8);
        while (expected.size() < 120) {
            const std::size_t n_zeros = random.below(10);
            const std::string word = random.below(2) == 0 ? head.substr(0, 1 + random.below(8))
                                                          : head + random.bytes(random.below(10));
            expected[word + std::string(n_zeros, '\0')] = expected.size() + 1;
        }
        for (const auto& [word, value] : expected) table[word] += value;
        CHECK_EQUAL(table.size(), expected.size());
        for (const auto& [word, value] : expected) CHECK_EQUAL(table.find(word), value);
    }
}

void the_pair_table_numbers_as_a_map_does() {
    RandomText random(12);
    bpe::PairTable table;
    std::map<std::pair<bpe::Id, bpe::Id>, std::uint32_t> expected;
    for (std::uint32_t i = 0; i < 50000; ++i) {
        const auto left = static_cast<bpe::Id>(random.below(300));
        const auto right = static_cast<bpe::Id>(random.below(300));
        const auto known = expected.find({left, right});
        CHECK_EQUAL(table.find(left, right), known == expected.end() ? bpe::absent : known->second);
        const std::uint32_t number = expected.emplace(std::pair(left, right), i).first->second;
        CHECK_EQUAL(table.find_or_insert(left, right, i), number);
    }
    CHECK_EQUAL(table.size(), expected.size());
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

}  // namespace

std::vector<Test> table_tests() {
    return {
        {"the word table counts as a map does", the_word_table_counts_as_a_map_does},
        {"words alike in part are told apart", words_alike_in_part_are_told_apart},
        {"the pair table numbers as a map does", the_pair_table_numbers_as_a_map_does},
        {"the bucket queue gives ranks and positions in order",
         the_bucket_queue_gives_ranks_and_positions_in_order},
        {"a token row knows its neighbours after merges",
         a_token_row_knows_its_neighbours_after_merges},
    };
}

}  // namespace paribus::tests
