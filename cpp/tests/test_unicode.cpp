#include "bpe/scan/unicode.h"
#include "tests/check.h"

namespace paribus::tests {
namespace {

using bpe::CharClass;

void characters_have_their_class() {
    const auto kind = [](std::string_view text) { return bpe::character_at(text, 0).kind; };
    CHECK(kind("a") == CharClass::lowercase);
    CHECK(kind("A") == CharClass::uppercase);
    CHECK(kind("\xC7\x85") == CharClass::titlecase);
    CHECK(kind("\xCA\xB0") == CharClass::modifier);
    CHECK(kind("\xE4\xB8\xAD") == CharClass::other_letter);
    CHECK(kind("\xCC\x81") == CharClass::mark);
    CHECK(kind("\xD9\xA3") == CharClass::number);
    CHECK(kind("\xE3\x80\x80") == CharClass::white_space);
    CHECK(kind("\x1F") == CharClass::other);  // Python's str.isspace calls it white space
    CHECK(kind("\xF4\x8F\xBF\xBF") == CharClass::other);
}

void bytes_outside_of_valid_utf8_stand_alone() {
    for (const std::string_view text :
         {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE4\xB8",
          "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80",
          "\xF5\x80\x80\x80", "\xFE", "\xFF"}) {
        const bpe::Character character = bpe::character_at(text, 0);
        CHECK_EQUAL_FOR(character.n_bytes, 1U, text);
        CHECK(character.kind == CharClass::other);
    }
}

// The smallest and the largest code point of each length, by an encoder of its own.
void each_code_point_is_read_back() {
    for (std::uint32_t code_point = 0x80; code_point < 0x110000; ++code_point) {
        const auto tail = [&](unsigned shift) {
            return static_cast<char>(0x80 | ((code_point >> shift) & 0x3F));
        };
        std::string text;
        if (code_point < 0x800) {
            text = {static_cast<char>(0xC0 | code_point >> 6), tail(0)};
        } else if (code_point < 0x10000) {
            text = {static_cast<char>(0xE0 | code_point >> 12), tail(6), tail(0)};
        } else {
            text = {static_cast<char>(0xF0 | code_point >> 18), tail(12), tail(6), tail(0)};
        }
        const bool is_surrogate = code_point >= 0xD800 && code_point < 0xE000;
        const bpe::Character forward = bpe::character_at(text, 0);
        CHECK_EQUAL(forward.n_bytes, is_surrogate ? 1U : text.size());
        const bpe::Character backward = bpe::character_before(text, text.size());
        CHECK_EQUAL(backward.n_bytes, forward.n_bytes);
        CHECK(backward.kind == forward.kind);
    }
}

void the_table_has_the_known_number_of_characters_of_each_class() {
    std::size_t n_of_class[9] = {};
    for (std::uint32_t code_point = 0; code_point < 0x110000; ++code_point) {
        ++n_of_class[bpe::unicode_block_classes[bpe::unicode_block_of[code_point / 128]]
                                               [code_point % 128]];
    }
    CHECK_EQUAL(n_of_class[static_cast<int>(CharClass::white_space)], 25U);
    CHECK_EQUAL(n_of_class[static_cast<int>(CharClass::titlecase)], 31U);
}

}  // namespace

std::vector<Test> unicode_tests() {
    return {
        {"characters have their class", characters_have_their_class},
        {"bytes outside of valid UTF-8 stand alone", bytes_outside_of_valid_utf8_stand_alone},
        {"each code point is read back, forwards and backwards", each_code_point_is_read_back},
        {"the table has the known number of characters of each class",
         the_table_has_the_known_number_of_characters_of_each_class},
    };
}

}  // namespace paribus::tests
