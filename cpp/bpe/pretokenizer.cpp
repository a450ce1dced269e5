#include "bpe/pretokenizer.h"

#include <string>

#include "bpe/types.h"
#include "bpe/unicode.h"

namespace bpe {
namespace {

// A place in the text with the code point that stands there; past the end, nothing.
class Cursor {
  public:
    Cursor(std::string_view text, std::size_t position) : text_(text), position_(position) {
        look();
    }

    bool at_end() const { return position_ >= text_.size(); }
    std::size_t position() const { return position_; }
    std::uint32_t value() const { return at_end() ? invalid_byte : now_.value; }
    CharClass char_class() const { return now_.char_class; }

    void advance() {
        position_ += now_.length;
        look();
    }

    Cursor next() const {
        Cursor copy = *this;
        copy.advance();
        return copy;
    }

    template <typename Predicate>
    void skip_while(Predicate holds) {
        while (!at_end() && holds(char_class())) advance();
    }

    bool is(char c) const { return value() == static_cast<std::uint32_t>(c); }
    bool is_newline() const { return is('\n') || is('\r'); }

    // Whether something is here and of the class that `holds` tells.
    template <typename Predicate>
    bool sees(Predicate holds) const {
        return !at_end() && holds(char_class());
    }

  private:
    void look() {
        if (!at_end()) now_ = code_point_at(text_, position_);
    }

    std::string_view text_;
    std::size_t position_;
    CodePoint now_{invalid_byte, 0, CharClass::other};
};

// A lower-case ASCII letter for itself, its capital, and U+017F (long s) for s: what the regular
// expression's case folding takes as equal.
char folded(std::uint32_t value) {
    if (value >= 'A' && value <= 'Z') return static_cast<char>(value + 32);
    if (value == 0x17F) return 's';
    return value < 128 ? static_cast<char>(value) : '\0';
}

char exact(std::uint32_t value) { return value < 128 ? static_cast<char>(value) : '\0'; }

// The end of 's 't 'd 'm 'll 've 're at `at`, or its position where there is none.
template <typename Fold>
std::size_t contraction_end(Cursor at, Fold fold) {
    const std::size_t start = at.position();
    if (!at.is('\'')) return start;
    at.advance();
    if (at.at_end()) return start;
    const char first = fold(at.value());
    at.advance();
    if (first == 's' || first == 't' || first == 'd' || first == 'm') return at.position();
    if (at.at_end()) return start;
    const char second = fold(at.value());
    const bool known = (first == 'l' && second == 'l') || (first == 'v' && second == 'e') ||
                       (first == 'r' && second == 'e');
    return known ? at.next().position() : start;
}

// \s+(?!\S)|\s+ : all white space at the end of the text; else all but its last code point, or
// that.
std::size_t white_space_end(Cursor at) {
    std::size_t last = at.position();
    const std::size_t start = last;
    while (at.sees(is_space)) {
        last = at.position();
        at.advance();
    }
    return at.at_end() || last == start ? at.position() : last;
}

// \s*[\r\n]+ : behind the last line break of the white space; the start where it has none.
std::size_t line_break_end(Cursor at) {
    std::size_t end = at.position();
    while (at.sees(is_space)) {
        const bool breaks = at.is_newline();
        at.advance();
        if (breaks) end = at.position();
    }
    return end;
}

// '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t gpt2_end(Cursor at) {
    const std::size_t start = at.position();
    if (const std::size_t end = contraction_end(at, exact); end != start) return end;
    Cursor run = at;
    if (at.is(' ') && at.next().sees([](CharClass c) { return !is_space(c); })) run.advance();
    if (run.sees(is_letter)) {
        run.skip_while(is_letter);
    } else if (run.sees(is_number)) {
        run.skip_while(is_number);
    } else if (run.sees(is_symbol)) {
        run.skip_while(is_symbol);
    } else {
        return white_space_end(at);
    }
    return run.position();
}

// The end of white space that reaches the end of the text (\s++$), or the start where it does not.
std::size_t last_white_space_end(Cursor at) {
    const std::size_t start = at.position();
    at.skip_while(is_space);
    return at.at_end() ? at.position() : start;
}

// The alternatives behind the words of cl100k and o200k: \p{N}{1,3}, ` ?[^\s\p{L}\p{N}]+` with the
// line breaks that follow (in o200k slashes too), in cl100k \s++$, then \s*[\r\n]+, \s+(?!\S), \s+.
std::size_t number_symbol_or_space_end(Cursor at, bool is_o200k) {
    if (at.sees(is_number)) {
        for (int digits = 0; digits < 3 && at.sees(is_number); ++digits) at.advance();
        return at.position();
    }
    Cursor run = at.is(' ') && at.next().sees(is_symbol) ? at.next() : at;
    if (run.sees(is_symbol)) {
        run.skip_while(is_symbol);
        while (!run.at_end() && (run.is_newline() || (is_o200k && run.is('/')))) run.advance();
        return run.position();
    }
    if (!is_o200k) {
        if (const std::size_t end = last_white_space_end(at); end != at.position()) return end;
    }
    const std::size_t end = line_break_end(at);
    return end != at.position() ? end : white_space_end(at);
}

// Whether [^\r\n\p{L}\p{N}] matches here: what may stand in front of a word.
bool is_word_prefix(const Cursor& at) {
    return !at.at_end() && !at.is_newline() && !is_letter(at.char_class()) &&
           !is_number(at.char_class());
}

// '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
// |\s+$|\s*[\r\n]|\s+(?!\S)|\s
std::size_t cl100k_end(Cursor at) {
    const std::size_t start = at.position();
    if (const std::size_t end = contraction_end(at, folded); end != start) return end;
    Cursor word = is_word_prefix(at) ? at.next() : at;
    if (word.sees(is_letter)) {
        word.skip_while(is_letter);
        return word.position();
    }
    return number_symbol_or_space_end(at, false);
}

bool is_upper_part(CharClass c) {  // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
    return c != CharClass::lowercase && (is_letter(c) || c == CharClass::mark);
}

bool is_lower_part(CharClass c) {  // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
    return c != CharClass::uppercase && c != CharClass::titlecase &&
           (is_letter(c) || c == CharClass::mark);
}

// The end of `upper* lower+` at `word`, or its position where it does not match. Where upper* has
// taken everything, it gives back as far as its last code point that lower+ takes too.
std::size_t capitals_then_lower_end(Cursor word) {
    std::size_t given_back = word.position();
    while (word.sees(is_upper_part)) {
        const bool is_lower_too = is_lower_part(word.char_class());
        word.advance();
        if (is_lower_too) given_back = word.position();
    }
    if (!word.sees(is_lower_part)) return given_back;
    word.skip_while(is_lower_part);
    return word.position();
}

// The end of `upper+ lower*` at `word`, or its position where it does not match.
std::size_t capitals_end(Cursor word) {
    const std::size_t start = word.position();
    word.skip_while(is_upper_part);
    if (word.position() != start) word.skip_while(is_lower_part);
    return word.position();
}

// [^\r\n\p{L}\p{N}]?upper*lower+(?i:'s|…)?|[^\r\n\p{L}\p{N}]?upper+lower*(?i:'s|…)?|\p{N}{1,3}
// | ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
std::size_t o200k_end(std::string_view text, Cursor at) {
    const Cursor prefixed = is_word_prefix(at) ? at.next() : at;
    for (const auto word_end : {capitals_then_lower_end, capitals_end}) {
        for (const Cursor& word : {prefixed, at}) {
            const std::size_t end = word_end(word);
            if (end != word.position()) return contraction_end(Cursor(text, end), folded);
        }
    }
    return number_symbol_or_space_end(at, true);
}

}  // namespace

Pattern pattern_of(std::string_view name) {
    if (name == "gpt2") return Pattern::gpt2;
    if (name == "cl100k") return Pattern::cl100k;
    if (name == "o200k") return Pattern::o200k;
    if (name == "none") return Pattern::none;
    throw Error("pattern: expected gpt2, cl100k, o200k or none, found '" + std::string(name) + "'");
}

std::size_t pretoken_end(Pattern pattern, std::string_view text, std::size_t start) {
    switch (pattern) {
        case Pattern::gpt2:
            return gpt2_end(Cursor(text, start));
        case Pattern::cl100k:
            return cl100k_end(Cursor(text, start));
        case Pattern::o200k:
            return o200k_end(text, Cursor(text, start));
        case Pattern::none:
            break;
    }
    return text.size();
}

std::size_t next_sure_border(Pattern pattern, std::string_view text, std::size_t from) {
    if (pattern == Pattern::none) return std::string_view::npos;
    // A continuation byte could belong to a sequence that starts further left.
    while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
    Cursor at(text, from);
    bool behind_letter = false;
    while (!at.at_end()) {
        const bool goes_on = is_letter(at.char_class()) || at.char_class() == CharClass::mark ||
                             at.is('\'') || at.value() == invalid_byte;
        if (behind_letter && !goes_on) return at.position();
        behind_letter = is_letter(at.char_class());
        at.advance();
    }
    return std::string_view::npos;
}

}  // namespace bpe
