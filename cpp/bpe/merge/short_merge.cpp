#include "bpe/merge/short_merge.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace paribus::bpe {
namespace {

// A pair's rank in the upper bits and its place in the lower ones: the smallest key is the leftmost
// pair of the lowest rank.
using Key = std::int32_t;  // signed: the least of many is found by the oldest vector instructions
constexpr Key no_pair = std::numeric_limits<Key>::max();
constexpr unsigned place_bits = 6;
constexpr std::uint32_t ranks_of_keys = std::uint32_t{1} << (31 - place_bits);
static_assert(longest_short_merge == 1 << place_bits);

Key key_of(std::uint32_t rank, std::size_t place) {
    if (rank == absent) return no_pair;
    return static_cast<Key>(rank << place_bits | static_cast<std::uint32_t>(place));
}

// The tokens of a word of at most `room` bytes, each stored at the place of its first byte, doubly
// linked.
template <std::size_t room>
class ShortRow {
  public:
    ShortRow(std::string_view word, const MergeTables& tables)
        : tables_(tables), size_(word.size()) {
        keys_.fill(no_pair);
        for (std::size_t i = 0; i < size_; ++i) {
            ids_[i] = tables.byte_ids[static_cast<unsigned char>(word[i])];
            next_[i] = static_cast<std::uint8_t>(i + 1);
            previous_[i + 1] = static_cast<std::uint8_t>(i);
            if (i + 1 < size_) keys_[i] = key_of(tables.rank_of_bytes(word[i], word[i + 1]), i);
        }
    }

    void merge() {
        for (Key key = least(); key != no_pair; key = least()) {
            const auto bits = static_cast<std::uint32_t>(key);
            merge_at(bits % (1U << place_bits), tables_.rules.result_of(bits >> place_bits));
        }
    }

    std::size_t write(Id* ids) const {
        std::size_t n_ids = 0;
        for (std::size_t at = 0; at < size_; at = next_[at]) ids[n_ids++] = ids_[at];
        return n_ids;
    }

  private:
    // Eight running minima, so that the compiler compares several keys at once.
    Key least() const {
        std::array<Key, 8> lanes;
        for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] = keys_[lane];
        for (std::size_t i = 8; i < room; i += 8) {
            for (std::size_t lane = 0; lane < 8; ++lane) {
                lanes[lane] = std::min(lanes[lane], keys_[i + lane]);
            }
        }
        return *std::min_element(lanes.begin(), lanes.end());
    }

    void merge_at(std::size_t at, Id result) {
        const std::size_t right = next_[at], after = next_[right];
        ids_[at] = result;
        next_[at] = static_cast<std::uint8_t>(after);
        previous_[after] = static_cast<std::uint8_t>(at);
        keys_[right] = no_pair;
        keys_[at] =
            after < size_ ? key_of(tables_.rules.rank_of(result, ids_[after]), at) : no_pair;
        if (at == 0) return;
        const std::size_t before = previous_[at];
        keys_[before] = key_of(tables_.rules.rank_of(ids_[before], result), before);
    }

    const MergeTables& tables_;
    std::size_t size_;
    std::array<Key, room> keys_;  // of each token and the next one
    std::array<Id, room> ids_;
    std::array<std::uint8_t, room + 1> next_;
    std::array<std::uint8_t, room + 1> previous_;
};

template <std::size_t room>
std::size_t merge_row(std::string_view word, const MergeTables& tables, Id* ids) {
    ShortRow<room> row(word, tables);
    row.merge();
    return row.write(ids);
}

}  // namespace

bool can_merge_short(const MergeTables& tables) { return tables.rules.size() < ranks_of_keys; }

std::size_t merge_short(std::string_view word, const MergeTables& tables, Id* ids) {
    if (word.size() <= 8) return merge_row<8>(word, tables, ids);
    if (word.size() <= 16) return merge_row<16>(word, tables, ids);
    if (word.size() <= 32) return merge_row<32>(word, tables, ids);
    return merge_row<longest_short_merge>(word, tables, ids);
}

}  // namespace paribus::bpe
