#include "bpe/scan/cuts.h"

#include <algorithm>

#include "bpe/scan/unicode.h"

namespace paribus::bpe {
namespace {

// The longest UTF-8 sequence. With less text after it, a character could be incomplete.
constexpr std::size_t longest_character = 4;

bool is_whole(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]) < 0x80 || text.size() - at >= longest_character;
}

// The first safe cut at or after `from`, or the size of the text.
std::size_t next_safe_cut(std::string_view text, std::size_t from, Pattern pattern,
                          Checkpoint& checkpoint) {
    if (pattern == Pattern::none) return text.size();
    while (from < text.size() && !is_safe_cut(text, from, pattern)) {
        ++from;
        checkpoint.spend(1);
    }
    return std::min(from, text.size());
}

}  // namespace

bool is_safe_cut(std::string_view text, std::size_t at, Pattern pattern) {
    if (pattern == Pattern::none || at == 0 || at >= text.size() || !is_whole(text, at)) {
        return false;
    }
    const CharClass before = character_before(text, at).kind;
    if (text[at] == ' ') return before != CharClass::white_space;
    const CharClass after = character_at(text, at).kind;
    const bool after_letter = contains(letters, before);
    if (!after_letter && before != CharClass::number) return false;
    if (after == CharClass::white_space) return true;
    // An apostrophe can begin a contraction, and a mark can belong to the word.
    if (after == CharClass::other) return text[at] != '\'';
    return after_letter ? after == CharClass::number : contains(letters, after);
}

std::size_t last_safe_cut(std::string_view text, std::size_t begin, std::size_t end,
                          Pattern pattern) {
    if (pattern == Pattern::none) return begin;
    while (end > begin && !is_safe_cut(text, end, pattern)) --end;
    return end;
}

std::size_t settled_size(std::string_view text, Pattern pattern, const SpecialTokens& specials) {
    // A special token that begins after `limit` may be incomplete, or the beginning of a longer
    // one.
    const std::size_t held_back = std::max<std::size_t>(specials.longest(), 1) - 1;
    const std::size_t limit = text.size() - std::min(text.size(), held_back);
    std::size_t begin = 0;
    for (;;) {
        const SpecialTokens::Match match = specials.find(text, begin);
        if (match.begin >= limit)
            return last_safe_cut(text, begin, std::max(begin, limit), pattern);
        begin = match.end;
    }
}

std::vector<std::string_view> cut_text(std::string_view text, Pattern pattern,
                                       const SpecialTokens& specials, std::size_t target,
                                       const Poll& poll) {
    std::vector<std::string_view> pieces;
    Checkpoint checkpoint(poll);
    target = std::max<std::size_t>(target, 1);
    std::size_t begin = 0;
    for (std::size_t segment = 0; segment < text.size();) {
        const SpecialTokens::Match match = specials.find(text, segment);
        while (match.begin - begin > target) {
            const std::size_t from = std::max(begin + target, segment + 1);
            const std::size_t cut =
                next_safe_cut(text.substr(0, match.begin), from, pattern, checkpoint);
            pieces.push_back(text.substr(begin, cut - begin));
            begin = cut;
        }
        segment = match.end;
    }
    if (begin < text.size()) pieces.push_back(text.substr(begin));
    return pieces;
}

}  // namespace paribus::bpe
