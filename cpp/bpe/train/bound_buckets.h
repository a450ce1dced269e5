// A priority queue of values by an upper bound that only falls, the greatest first, in buckets.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <vector>

#include "bpe/types.h"

namespace paribus::bpe {

// A heap of all values would be deep and cold. Here only the bucket of the greatest bounds is a
// heap; a value that falls, or comes with a smaller bound, is appended to a bucket that waits.
// Bounds below 512 have a bucket each, greater ones share it with those of the same nine leading
// bits.
template <typename Value>
class BoundBuckets {
  public:
    BoundBuckets() : buckets_(bucket_of(~Count{0}) + 1), current_(buckets_.size() - 1) {}

    // Adds a value whose `bound` is not 0 and at most that of any value taken before.
    // `is_less(a, b)` is a total order that begins with the bounds.
    template <typename IsLess>
    void push(const Value& value, IsLess&& is_less) {
        const std::size_t number = bucket_of(value.bound);
        buckets_[number].push_back(value);
        if (number == current_) {
            std::push_heap(buckets_[number].begin(), buckets_[number].end(), is_less);
        }
    }

    // Moves the greatest value into `value`. Returns false if there is none; no value may be added
    // after that.
    template <typename IsLess>
    bool pop(Value& value, IsLess&& is_less) {
        while (buckets_[current_].empty()) {
            if (current_ == 0) return false;
            buckets_[current_--] = {};  // frees the memory
            std::make_heap(buckets_[current_].begin(), buckets_[current_].end(), is_less);
        }
        std::vector<Value>& bucket = buckets_[current_];
        std::pop_heap(bucket.begin(), bucket.end(), is_less);
        value = bucket.back();
        bucket.pop_back();
        return true;
    }

  private:
    static constexpr int leading_bits = 9;

    static std::size_t bucket_of(Count bound) {
        const int shift = std::max(static_cast<int>(std::bit_width(bound)) - leading_bits, 0);
        const auto buckets_of_shift = std::size_t{1} << (leading_bits - 1);
        return static_cast<std::size_t>(shift) * buckets_of_shift + (bound >> shift);
    }

    std::vector<std::vector<Value>> buckets_;
    std::size_t current_;  // the bucket that is a heap; those above are empty
};

}  // namespace paribus::bpe
