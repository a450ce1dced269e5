// Finds special tokens in text from left to right, preferring the longest of those at one place.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace paribus::bpe {

class SpecialTokens {
  public:
    // The place of a special token, and its number in the list. If there is none, `begin` and `end`
    // are the size of the text.
    struct Match {
        std::size_t begin;
        std::size_t end;
        std::size_t number;
    };

    SpecialTokens() = default;
    explicit SpecialTokens(std::vector<std::string> texts);

    // The first special token at or after `from`.
    Match find(std::string_view text, std::size_t from) const;

    // The length of the longest one in bytes; 0 if there are none.
    std::size_t longest() const { return longest_; }

  private:
    std::size_t next_candidate(std::string_view text, std::size_t from) const;

    std::vector<std::string> texts_;
    std::array<std::vector<std::size_t>, 256> by_first_byte_;  // the longest first
    std::string first_bytes_;
    std::size_t longest_ = 0;
};

// Calls `on_text(std::string_view)` for each non-empty text between special tokens, and
// `on_special(std::size_t number)` for each special token, in order.
template <typename OnText, typename OnSpecial>
void for_each_segment(std::string_view text, const SpecialTokens& specials, OnText&& on_text,
                      OnSpecial&& on_special) {
    for (std::size_t begin = 0; begin < text.size();) {
        const SpecialTokens::Match match = specials.find(text, begin);
        if (match.begin > begin) on_text(text.substr(begin, match.begin - begin));
        if (match.end > match.begin) on_special(match.number);
        begin = match.end;
    }
}

}  // namespace paribus::bpe
