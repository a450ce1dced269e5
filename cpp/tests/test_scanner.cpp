// Every instruction set finds the borders that the plain matcher finds, wherever blocks begin.
#include <algorithm>
#include <memory>

#include "bpe/scan/scanner.h"
#include "tests/check.h"
#include "tests/naive.h"
#include "tests/random_text.h"

namespace paribus::tests {
namespace {

using bpe::Pattern;

constexpr Pattern patterns[] = {Pattern::gpt2, Pattern::cl100k, Pattern::o200k};

std::vector<std::string> split(std::string_view text, const bpe::Scanner& scanner) {
    std::vector<std::string> pretokens;
    bpe::for_each_pretoken(text, scanner,
                           [&](std::string_view word) { pretokens.emplace_back(word); });
    return pretokens;
}

// The text is in memory of exactly its size, so that a sanitizer sees a read beyond it.
void check_all(std::string_view text) {
    const auto copy = std::make_unique<char[]>(text.size());
    std::copy(text.begin(), text.end(), copy.get());
    const std::string_view exact(copy.get(), text.size());
    for (const Pattern pattern : patterns) {
        const auto expected = naive_split(text, pattern);
        for (const bpe::InstructionSet instructions : bpe::instruction_sets()) {
            CHECK_EQUAL_FOR(split(exact, bpe::Scanner(pattern, instructions)), expected, text);
        }
    }
}

// Bytes of ASCII, those that the patterns treat alike as rare as their classes are many.
std::string ascii(RandomText& random, std::size_t n_bytes) {
    static constexpr std::string_view bytes = "aabbsstTlLrRveVdDmMeA019     \n\n\r\t\v''''!/(_.";
    std::string text;
    while (text.size() < n_bytes) text += bytes[random.below(bytes.size())];
    return text;
}

// Few classes per text, so that runs and their combinations occur.
std::string ascii_of_few(RandomText& random, std::size_t n_bytes) {
    const std::string few = ascii(random, 2 + random.below(4));
    std::string text;
    while (text.size() < n_bytes) text += few[random.below(few.size())];
    return text;
}

void blocks_of_ascii_split_as_the_patterns_say() {
    RandomText random(51);
    for (int i = 0; i < rounds(3000); ++i) {
        check_all(ascii(random, random.below(300)));
        check_all(ascii_of_few(random, random.below(300)));
    }
}

void blocks_of_all_characters_split_as_the_patterns_say() {
    RandomText random(52);
    for (int i = 0; i < rounds(3000); ++i) {
        check_all(random.snippets(random.below(120)));
        check_all(ascii(random, random.below(100)) + random.snippets(2 + random.below(4)) +
                  ascii(random, random.below(100)));
    }
}

void borders_at_the_edge_of_a_block_are_found() {
    RandomText random(53);
    for (int i = 0; i < rounds(400); ++i) {
        const std::string snippet = random.snippets(1 + random.below(3));
        for (std::size_t edge = 58; edge <= 66; ++edge) {
            check_all(std::string(edge, 'a') + snippet + ascii(random, 70));
            check_all("." + std::string(edge - 1, 'a') + snippet);
            check_all(ascii(random, edge) + snippet + std::string(70, ' ') + "x");
        }
    }
}

void adversarial_blocks_split_as_the_patterns_say() {
    for (const std::string& text : adversarial_texts(400)) check_all(text);
}

}  // namespace

std::vector<Test> scanner_tests() {
    return {
        {"blocks of ASCII split as the patterns say", blocks_of_ascii_split_as_the_patterns_say},
        {"blocks of all characters split as the patterns say",
         blocks_of_all_characters_split_as_the_patterns_say},
        {"borders at the edge of a block are found", borders_at_the_edge_of_a_block_are_found},
        {"adversarial blocks split as the patterns say",
         adversarial_blocks_split_as_the_patterns_say},
    };
}

}  // namespace paribus::tests
