#include <algorithm>
#include <cctype>
#include <functional>
#include <limits>

#include "bpe/scan/unicode.h"
#include "tests/naive.h"

namespace paribus::tests {
namespace {

using namespace std::string_view_literals;
using bpe::CharClass;

struct Symbol {
    std::string_view bytes;
    CharClass kind;
};

using Symbols = std::vector<Symbol>;
using Set = std::function<bool(const Symbol&)>;

constexpr std::size_t no_match = std::numeric_limits<std::size_t>::max();
constexpr std::size_t many = no_match - 1;

// One part of a pattern: takes a place, returns all places where it can end, the preferred first.
using Atom = std::function<std::vector<std::size_t>(const Symbols&, std::size_t)>;
using Alternative = std::vector<Atom>;

// set{least,most}, greedy; possessive: only the longest.
Atom repeat(Set set, std::size_t least, std::size_t most, bool is_possessive = false) {
    return [=](const Symbols& symbols, std::size_t at) {
        std::size_t n = 0;
        while (n < most && at + n < symbols.size() && set(symbols[at + n])) ++n;
        std::vector<std::size_t> ends;
        for (std::size_t length = n + 1; length-- > least;) {
            ends.push_back(at + length);
            if (is_possessive) break;
        }
        return ends;
    };
}

std::string folded(std::string_view bytes) {
    if (bytes == "\xC5\xBF") return "s";
    std::string text(bytes);
    for (char& byte : text) {
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
    }
    return text;
}

// '(?:s|d|m|t|ll|ve|re), with or without regard to case, once or optional.
Atom contraction(bool any_case, bool is_optional) {
    return [=](const Symbols& symbols, std::size_t at) {
        std::vector<std::size_t> ends;
        for (const std::string_view word : {"'s", "'d", "'m", "'t", "'ll", "'ve", "'re"}) {
            std::size_t n = 0;
            while (n < word.size() && at + n < symbols.size()) {
                const std::string_view bytes = symbols[at + n].bytes;
                if ((any_case ? folded(bytes) : std::string(bytes)) != word.substr(n, 1)) break;
                ++n;
            }
            if (n == word.size()) ends.push_back(at + n);
        }
        if (is_optional) ends.push_back(at);
        return ends;
    };
}

bool is_space(const Symbol& symbol) { return symbol.kind == CharClass::white_space; }

std::vector<std::size_t> at_end(const Symbols& symbols, std::size_t at) {
    if (at != symbols.size()) return {};
    return {at};
}

std::vector<std::size_t> not_before_non_space(const Symbols& symbols, std::size_t at) {
    if (at < symbols.size() && !is_space(symbols[at])) return {};
    return {at};
}

std::size_t matched(const Alternative& atoms, std::size_t atom, const Symbols& symbols,
                    std::size_t at) {
    if (atom == atoms.size()) return at;
    for (const std::size_t end : atoms[atom](symbols, at)) {
        const std::size_t whole = matched(atoms, atom + 1, symbols, end);
        if (whole != no_match) return whole;
    }
    return no_match;
}

Set of_classes(bpe::ClassSet set) {
    return [set](const Symbol& symbol) { return bpe::contains(set, symbol.kind); };
}

Set of_bytes(std::string_view bytes) {
    return [bytes](const Symbol& symbol) { return bytes.find(symbol.bytes) != bytes.npos; };
}

bool is_prefix(const Symbol& symbol) {
    return !bpe::contains(bpe::letters | bpe::numbers, symbol.kind) && symbol.bytes != "\r" &&
           symbol.bytes != "\n";
}

const bpe::ClassSet caseless =
    bpe::set_of(CharClass::modifier, CharClass::other_letter, CharClass::mark);
const Set letter = of_classes(bpe::letters);
const Set number = of_classes(bpe::numbers);
const Set symbol = of_classes(bpe::symbols);
const Set upper = of_classes(caseless | bpe::set_of(CharClass::uppercase, CharClass::titlecase));
const Set lower = of_classes(caseless | bpe::set_of(CharClass::lowercase));
const Set space = of_bytes(" "sv);
const Set newline = of_bytes("\r\n"sv);

std::vector<Alternative> gpt2() {
    return {{contraction(false, false)},
            {repeat(space, 0, 1), repeat(letter, 1, many, true)},
            {repeat(space, 0, 1), repeat(number, 1, many, true)},
            {repeat(space, 0, 1), repeat(symbol, 1, many, true)},
            {repeat(is_space, 1, many, true), at_end},
            {repeat(is_space, 1, many), not_before_non_space},
            {repeat(is_space, 1, 1)}};
}

std::vector<Alternative> cl100k() {
    return {{contraction(true, false)},
            {repeat(is_prefix, 0, 1, true), repeat(letter, 1, many, true)},
            {repeat(number, 1, 3, true)},
            {repeat(space, 0, 1), repeat(symbol, 1, many, true), repeat(newline, 0, many, true)},
            {repeat(is_space, 1, many, true), at_end},
            {repeat(is_space, 0, many), repeat(newline, 1, 1)},
            {repeat(is_space, 1, many), not_before_non_space},
            {repeat(is_space, 1, 1)}};
}

std::vector<Alternative> o200k() {
    const Set newline_or_slash = of_bytes("\r\n/"sv);
    return {{repeat(is_prefix, 0, 1), repeat(upper, 0, many), repeat(lower, 1, many),
             contraction(true, true)},
            {repeat(is_prefix, 0, 1), repeat(upper, 1, many), repeat(lower, 0, many),
             contraction(true, true)},
            {repeat(number, 1, 3)},
            {repeat(space, 0, 1), repeat(symbol, 1, many), repeat(newline_or_slash, 0, many)},
            {repeat(is_space, 0, many), repeat(newline, 1, many)},
            {repeat(is_space, 1, many), not_before_non_space},
            {repeat(is_space, 1, many)}};
}

std::vector<Alternative> none() {
    return {{repeat([](const Symbol&) { return true; }, 1, many)}};
}

std::vector<Alternative> alternatives_of(bpe::Pattern pattern) {
    switch (pattern) {
        case bpe::Pattern::gpt2:
            return gpt2();
        case bpe::Pattern::cl100k:
            return cl100k();
        case bpe::Pattern::o200k:
            return o200k();
        case bpe::Pattern::none:
            break;
    }
    return none();
}

Symbols symbols_of(std::string_view text) {
    Symbols symbols;
    for (std::size_t at = 0; at < text.size(); at += symbols.back().bytes.size()) {
        const bpe::Character character = bpe::character_at(text, at);
        symbols.push_back({text.substr(at, character.n_bytes), character.kind});
    }
    return symbols;
}

std::size_t first_match(const std::vector<Alternative>& alternatives, const Symbols& symbols,
                        std::size_t at) {
    for (const Alternative& alternative : alternatives) {
        const std::size_t end = matched(alternative, 0, symbols, at);
        if (end != no_match && end > at) return end;
    }
    throw std::logic_error("no alternative of the pattern matches");
}

}  // namespace

std::vector<std::string> naive_split(std::string_view text, bpe::Pattern pattern) {
    const Symbols symbols = symbols_of(text);
    const std::vector<Alternative> alternatives = alternatives_of(pattern);
    std::vector<std::string> pretokens;
    for (std::size_t at = 0; at < symbols.size();) {
        const std::size_t end = first_match(alternatives, symbols, at);
        std::string& pretoken = pretokens.emplace_back();
        for (; at < end; ++at) pretoken += symbols[at].bytes;
    }
    return pretokens;
}

}  // namespace paribus::tests
