// The tokens of a word in one row, in which neighbours are merged in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bpe/types.h"

namespace paribus::bpe {

// A token keeps the position of its first byte for life. Its id is stored at its first and at its
// last byte, so that its length, from a table that the owner keeps, leads to both neighbours. One
// id per byte is all that is stored. The values in between are stale.
class TokenRow {
  public:
    // `lengths[id]` is the number of bytes of a token, at least 1; the table must outlive the row.
    explicit TokenRow(const std::vector<std::uint32_t>& lengths) : lengths_(&lengths) {}

    void reserve(std::size_t n_bytes) {
        ids_.reserve(n_bytes);
        begins_.reserve(n_bytes);
    }

    void clear() {
        ids_.clear();
        begins_.clear();
    }

    // Appends a token of one byte.
    void append(Id id) {
        ids_.push_back(id);
        begins_.push_back(true);
    }

    std::size_t n_bytes() const { return ids_.size(); }

    // The token that begins at a position; one must begin there.
    Id at(std::size_t position) const { return ids_[position]; }

    // Where the next token begins, or the size of the row.
    std::size_t next(std::size_t position) const { return position + (*lengths_)[ids_[position]]; }

    // Where the previous token begins; the position is not 0.
    std::size_t previous(std::size_t position) const {
        return position - (*lengths_)[ids_[position - 1]];
    }

    // Whether `left` begins at a position and `right` follows.
    bool holds_pair(std::size_t position, Id left, Id right) const {
        if (!begins_[position] || ids_[position] != left) return false;
        const std::size_t after = next(position);
        return after < ids_.size() && ids_[after] == right;
    }

    // Replaces the token at a position and the next one by `merged`, whose length is their sum.
    void merge(std::size_t position, Id merged) {
        const std::size_t right = next(position);
        const std::size_t last = next(right) - 1;
        begins_[right] = false;
        ids_[position] = merged;
        ids_[last] = merged;
    }

  private:
    const std::vector<std::uint32_t>* lengths_;
    std::vector<Id> ids_;
    std::vector<bool> begins_;
};

}  // namespace paribus::bpe
