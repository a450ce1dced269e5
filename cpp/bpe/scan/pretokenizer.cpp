#include "bpe/scan/pretokenizer.h"

#include <algorithm>

#include "bpe/scan/unicode.h"

namespace paribus::bpe {
namespace {

constexpr ClassSet marks = set_of(CharClass::mark);
constexpr ClassSet caseless = set_of(CharClass::modifier, CharClass::other_letter, CharClass::mark);
constexpr ClassSet capitals = set_of(CharClass::uppercase, CharClass::titlecase);
constexpr ClassSet lower = set_of(CharClass::lowercase);

constexpr bool is_newline(char byte) { return byte == '\n' || byte == '\r'; }

std::size_t run_end(std::string_view text, std::size_t at, ClassSet set) {
    while (at < text.size()) {
        const Character character = character_at(text, at);
        if (!contains(set, character.kind)) break;
        at += character.n_bytes;
    }
    return at;
}

// Whether a character of `set` begins at `at`; false at the end of the text.
bool is_at(std::string_view text, std::size_t at, ClassSet set) {
    return at < text.size() && contains(set, character_at(text, at).kind);
}

constexpr char lowered(char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
}

constexpr char unchanged(char byte) { return byte; }

// The length of 's 'd 'm 't 'll 've 're at `at`, or 0. Letters are compared after `folded`.
template <char (*folded)(char)>
std::size_t contraction(std::string_view text, std::size_t at) {
    if (at + 1 >= text.size() || text[at] != '\'') return 0;
    const char first = folded(text[at + 1]);
    if (first == 's' || first == 'd' || first == 'm' || first == 't') return 2;
    if (at + 2 >= text.size()) return 0;
    const char second = folded(text[at + 2]);
    if (first == 'l') return second == 'l' ? 3 : 0;
    return (first == 'v' || first == 'r') && second == 'e' ? 3 : 0;
}

// The same, ignoring case. A pattern that ignores case takes U+017F, the long s, for an s.
std::size_t contraction_of_any_case(std::string_view text, std::size_t at) {
    if (text.substr(at, 3) == "'\xC5\xBF") return 3;
    return contraction<lowered>(text, at);
}

struct WhiteSpaceRun {
    std::size_t end;
    std::size_t last;           // where its last character begins
    std::size_t after_newline;  // right after its last \r or \n; 0 if it has none
};

WhiteSpaceRun white_space_run(std::string_view text, std::size_t begin) {
    WhiteSpaceRun run{begin, begin, 0};
    while (run.end < text.size()) {
        const Character character = character_at(text, run.end);
        if (character.kind != CharClass::white_space) break;
        run.last = run.end;
        run.end += character.n_bytes;
        if (is_newline(text[run.last])) run.after_newline = run.end;
    }
    return run;
}

// \s+(?!\S)|\s: a run at the end of the text is taken whole. Otherwise its last character goes with
// the text that follows, unless it is the only one.
std::size_t end_before_last(const WhiteSpaceRun& run, std::size_t begin, std::size_t text_size) {
    return run.end == text_size || run.last == begin ? run.end : run.last;
}

std::size_t up_to_three_numbers(std::string_view text, std::size_t at) {
    for (int n_numbers = 0; n_numbers < 3 && is_at(text, at, numbers); ++n_numbers) {
        at += character_at(text, at).n_bytes;
    }
    return at;
}

// Where the body after an optional space begins: at `begin` or right after the space.
std::size_t after_optional_space(std::string_view text, std::size_t begin) {
    return text[begin] == ' ' && begin + 1 < text.size() ? begin + 1 : begin;
}

// The end of ` ?[^\s\p{L}\p{N}]+` and of the run of `tail` bytes after it; `begin` if there is no
// match.
std::size_t symbols_end(std::string_view text, std::size_t begin, std::string_view tail) {
    const std::size_t body = after_optional_space(text, begin);
    std::size_t end = run_end(text, body, symbols);
    if (end == body) return begin;
    while (end < text.size() && tail.find(text[end]) != std::string_view::npos) ++end;
    return end;
}

// Where letters begin after an optional character of [^\r\n\p{L}\p{N}].
std::size_t after_optional_prefix(std::string_view text, std::size_t begin) {
    const Character first = character_at(text, begin);
    const bool is_prefix = !contains(letters | numbers, first.kind) && !is_newline(text[begin]);
    return is_prefix ? begin + first.n_bytes : begin;
}

std::size_t gpt2_end(std::string_view text, std::size_t begin) {
    if (const std::size_t length = contraction<unchanged>(text, begin)) return begin + length;
    const std::size_t body = after_optional_space(text, begin);
    const Character head = character_at(text, body);
    for (const ClassSet set : {letters, numbers, symbols}) {
        if (contains(set, head.kind)) return run_end(text, body + head.n_bytes, set);
    }
    return end_before_last(white_space_run(text, begin), begin, text.size());
}

std::size_t cl100k_end(std::string_view text, std::size_t begin) {
    if (const std::size_t length = contraction_of_any_case(text, begin)) return begin + length;
    const std::size_t word = after_optional_prefix(text, begin);
    if (is_at(text, word, letters)) return run_end(text, word, letters);
    if (is_at(text, begin, numbers)) return up_to_three_numbers(text, begin);
    const std::size_t end = symbols_end(text, begin, "\r\n");
    if (end != begin) return end;
    const WhiteSpaceRun run = white_space_run(text, begin);
    if (run.end == text.size()) return run.end;
    return run.after_newline != 0 ? run.after_newline : end_before_last(run, begin, text.size());
}

// The end of [capital or caseless]*[lower or caseless]+ at `begin`, or else of [capital or
// caseless]+; `begin` if neither matches. If no lower-case letter follows its greedy run, the first
// pattern backtracks to the last caseless character.
std::size_t o200k_letters_end(std::string_view text, std::size_t begin) {
    std::size_t at = begin, after_caseless = begin;
    while (is_at(text, at, capitals | caseless)) {
        const Character character = character_at(text, at);
        at += character.n_bytes;
        if (contains(caseless, character.kind)) after_caseless = at;
    }
    if (is_at(text, at, lower)) return run_end(text, at, lower | caseless);
    return after_caseless != begin ? after_caseless : at;
}

// A mark is a prefix only before a word with a lower-case or caseless letter; before capitals alone
// it is a word of its own.
std::size_t o200k_word_end(std::string_view text, std::size_t begin) {
    const std::size_t word = after_optional_prefix(text, begin);
    std::size_t end = o200k_letters_end(text, word);
    if (is_at(text, begin, marks)) {
        const std::size_t behind_capitals = run_end(text, word, capitals);
        if (!is_at(text, behind_capitals, lower | caseless)) end = word;
    } else if (end == word) {
        return begin;
    }
    return end + contraction_of_any_case(text, end);
}

std::size_t o200k_end(std::string_view text, std::size_t begin) {
    const std::size_t word = o200k_word_end(text, begin);
    if (word != begin) return word;
    if (is_at(text, begin, numbers)) return up_to_three_numbers(text, begin);
    const std::size_t end = symbols_end(text, begin, "\r\n/");
    if (end != begin) return end;
    const WhiteSpaceRun run = white_space_run(text, begin);
    return run.after_newline != 0 ? run.after_newline : end_before_last(run, begin, text.size());
}

std::size_t whole_text_end(std::string_view text, std::size_t) { return text.size(); }

}  // namespace

unsigned contraction_length(const char* bytes, bool any_case) {
    const std::string_view text(bytes, longest_contraction);
    return static_cast<unsigned>(any_case ? contraction<lowered>(text, 0)
                                          : contraction<unchanged>(text, 0));
}

PretokenEnd pretoken_end_of(Pattern pattern) {
    switch (pattern) {
        case Pattern::gpt2:
            return gpt2_end;
        case Pattern::cl100k:
            return cl100k_end;
        case Pattern::o200k:
            return o200k_end;
        case Pattern::none:
            break;
    }
    return whole_text_end;
}

}  // namespace paribus::bpe
