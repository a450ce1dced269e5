#include "tests/random_text.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace paribus::tests {
namespace {

using namespace std::string_view_literals;

// In groups: ASCII; letters of each class; marks, numbers and white space beyond ASCII; symbols;
// broken UTF-8 (lone lead and continuation bytes, overlong, surrogate, beyond U+10FFFF); specials.
constexpr std::array snippets_of_all_kinds = {
    "a"sv,
    "B"sv,
    "s"sv,
    "LL"sv,
    "re"sv,
    "0"sv,
    "12345"sv,
    " "sv,
    "  "sv,
    " "sv,
    "\n"sv,
    "\r\n"sv,
    "\t"sv,
    "'"sv,
    "'s"sv,
    "'S"sv,
    "'ll"sv,
    "'vE"sv,
    "'r"sv,
    "!"sv,
    "/"sv,
    "_"sv,
    "\0"sv,
    "\x7F"sv,
    "\xC3\xA9"sv,
    "\xC3\x89"sv,
    "\xC7\x85"sv,
    "\xCA\xB0"sv,
    "\xE4\xB8\xAD"sv,
    "'\xC5\xBF"sv,
    "\xC5\xBF"sv,
    "\xF0\x90\x90\x80"sv,
    "\xCC\x81"sv,
    "\xD9\xA3"sv,
    "\xC2\xB2"sv,
    "\xE2\x85\xA7"sv,
    "\xC2\xA0"sv,
    "\xE3\x80\x80"sv,
    "\xC2\x85"sv,
    "\xE2\x80\xA8"sv,
    "\xF0\x9F\x98\x80"sv,
    "\xE2\x80\x8D"sv,
    "\xEF\xBC\x8C"sv,
    "\xEF\xBB\xBF"sv,
    "\xEF\xBF\xBF"sv,
    "\xE4"sv,
    "\xE4\xB8"sv,
    "\x80"sv,
    "\xAD"sv,
    "\xC0\xAF"sv,
    "\xE0\x80\xAF"sv,
    "\xED\xA0\x80"sv,
    "\xF4\x90\x80\x80"sv,
    "\xF5"sv,
    "\xFF"sv,
    "\xF0\x9F\x98"sv,
    "<|a|>"sv,
    "<|a|><|a|>"sv,
    "<|a"sv,
    "<|"sv,
    "|>"sv,
};

}  // namespace

std::string RandomText::bytes(std::size_t n_bytes) {
    std::string text(n_bytes, '\0');
    for (char& byte : text) byte = static_cast<char>(below(256));
    return text;
}

std::string RandomText::snippets(std::size_t n_snippets) {
    std::string text;
    for (std::size_t i = 0; i < n_snippets; ++i) {
        text += snippets_of_all_kinds[below(snippets_of_all_kinds.size())];
    }
    return text;
}

std::string RandomText::words(std::size_t n_bytes) {
    std::string text;
    const std::size_t n_letters = 2 + below(3);
    while (text.size() < n_bytes) {
        text += below(6) == 0 ? ' ' : static_cast<char>('a' + below(n_letters));
    }
    return text;
}

std::vector<std::string> RandomText::blocks(const std::string& text, std::size_t longest) {
    std::vector<std::string> blocks;
    for (std::size_t at = 0; at < text.size(); at += blocks.back().size()) {
        blocks.push_back(text.substr(at, 1 + below(longest)));
    }
    return blocks;
}

std::vector<std::string> adversarial_texts(std::size_t n_bytes) {
    std::vector<std::string> texts;
    for (const std::string_view snippet : {"a"sv,
                                           " "sv,
                                           "\n"sv,
                                           "\t"sv,
                                           "^"sv,
                                           "7"sv,
                                           "\0"sv,
                                           "\x80"sv,
                                           "\xE3\x80\x80"sv,
                                           " \n"sv,
                                           "'s"sv,
                                           "\xCC\x81"sv,
                                           "\xF0\x9F\x91\xA9\xE2\x80\x8D"sv,
                                           "\xF5"sv,
                                           "\xFF"sv,
                                           "ab"sv,
                                           "\xCC\x81"
                                           "A"sv,
                                           "\n "sv,
                                           " ,"sv,
                                           "<|a|>"sv}) {
        std::string text;
        while (text.size() < n_bytes) text += snippet;
        texts.push_back(text.substr(0, n_bytes));
    }
    std::string before = "b", fibonacci = "a";
    while (fibonacci.size() < n_bytes) before = std::exchange(fibonacci, fibonacci + before);
    texts.push_back(fibonacci.substr(0, n_bytes));
    RandomText random(7);
    std::string letters = random.bytes(n_bytes);
    for (char& byte : letters)
        byte = static_cast<char>('a' + static_cast<unsigned char>(byte) % 26);
    texts.push_back(letters);
    texts.push_back(random.bytes(n_bytes));
    return texts;
}

}  // namespace paribus::tests
