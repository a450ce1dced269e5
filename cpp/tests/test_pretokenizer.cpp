#include "bpe/scan/pretokenizer.h"
#include "tests/check.h"
#include "tests/naive.h"
#include "tests/random_text.h"

namespace paribus::tests {
namespace {

using bpe::Pattern;

std::vector<std::string> split(std::string_view text, Pattern pattern) {
    const bpe::PretokenEnd pretoken_end = bpe::pretoken_end_of(pattern);
    std::vector<std::string> pretokens;
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
        end = pretoken_end(text, begin);
        pretokens.emplace_back(text.substr(begin, end - begin));
    }
    return pretokens;
}

using Words = std::vector<std::string>;

void gpt2_splits_as_its_paper_says() {
    const auto gpt2 = [](std::string_view text) { return split(text, Pattern::gpt2); };
    CHECK(gpt2("Hello world's end!") == Words({"Hello", " world", "'s", " end", "!"}));
    CHECK(gpt2("a  b") == Words({"a", " ", " b"}));
    CHECK(gpt2("a\n\nb") == Words({"a", "\n", "\n", "b"}));
    CHECK(gpt2("a\n\n") == Words({"a", "\n\n"}));
    CHECK(gpt2("I'M") == Words({"I", "'", "M"}));
    CHECK(gpt2("x 12345") == Words({"x", " 12345"}));
    CHECK(gpt2(" \xFF\x80 ") == Words({" \xFF\x80", " "}));
    CHECK(gpt2("").empty());
}

void cl100k_splits_numbers_by_three_and_ignores_case() {
    const auto cl100k = [](std::string_view text) { return split(text, Pattern::cl100k); };
    CHECK(cl100k("I'M 12345") == Words({"I", "'M", " ", "123", "45"}));
    CHECK(cl100k("'\xC5\xBF") == Words({"'\xC5\xBF"}));
    CHECK(cl100k("_name(x)\n\n  y") == Words({"_name", "(x", ")\n\n", " ", " y"}));
    CHECK(cl100k("a \n  ") == Words({"a", " \n  "}));
}

void o200k_splits_between_lower_and_upper_case() {
    const auto o200k = [](std::string_view text) { return split(text, Pattern::o200k); };
    CHECK(o200k("camelCase HTTPServer") == Words({"camel", "Case", " HTTPServer"}));
    CHECK(o200k("It'S") == Words({"It'S"}));
    CHECK(o200k("\xE4\xB8\xAD"
                "AB") == Words({"\xE4\xB8\xAD", "AB"}));
    CHECK(o200k("\xCC\x81"
                "AB") == Words({"\xCC\x81", "AB"}));
    CHECK(o200k("a//\n/b \n  ") == Words({"a", "//\n/", "b", " \n", "  "}));
}

void check_against_naive(std::string_view text) {
    for (const Pattern pattern : {Pattern::gpt2, Pattern::cl100k, Pattern::o200k, Pattern::none}) {
        CHECK_EQUAL_FOR(split(text, pattern), naive_split(text, pattern), text);
    }
}

void random_texts_split_as_the_patterns_say() {
    RandomText random(1);
    for (int i = 0; i < 4000; ++i) {
        check_against_naive(random.snippets(random.below(16)));
        check_against_naive(random.bytes(random.below(12)));
    }
}

void adversarial_texts_split_as_the_patterns_say() {
    for (const std::string& text : adversarial_texts(150)) check_against_naive(text);
}

}  // namespace

std::vector<Test> pretokenizer_tests() {
    return {
        {"gpt2 splits words, contractions and white space", gpt2_splits_as_its_paper_says},
        {"cl100k splits numbers by three and ignores case",
         cl100k_splits_numbers_by_three_and_ignores_case},
        {"o200k splits between lower and upper case", o200k_splits_between_lower_and_upper_case},
        {"random texts split as the patterns say", random_texts_split_as_the_patterns_say},
        {"adversarial texts split as the patterns say",
         adversarial_texts_split_as_the_patterns_say},
    };
}

}  // namespace paribus::tests
