// A test is a name and a function. A check that fails throws with its place and values.
#pragma once

#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace paribus::tests {

// The number of rounds of a random test. Under a sanitizer a round takes many times as long, so
// that build runs only one in this many; its fuzzers check the same laws.
#ifndef PARIBUS_ONE_ROUND_IN
#define PARIBUS_ONE_ROUND_IN 1
#endif
constexpr int rounds(int full) { return (full - 1) / PARIBUS_ONE_ROUND_IN + 1; }

struct Test {
    std::string name;  // a sentence, with the word "thread" if the core runs on several threads
    std::function<void()> run;
};

template <typename Left, typename Right>
void check_equal(const Left& left, const Right& right, const char* text, const char* file, int line,
                 const std::string& context = {}) {
    if (left == right) return;
    std::ostringstream message;
    message << file << ':' << line << ": " << text << " does not hold";
    if constexpr (requires { message << left << right; }) {
        message << ": " << left << " and " << right;
    }
    if (!context.empty()) message << " for " << context;
    throw std::runtime_error(message.str());
}

// Bytes in printable form, for messages.
inline std::string quoted(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text = "\"";
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        if (value >= 0x20 && value < 0x7F && byte != '"' && byte != '\\') {
            text += byte;
        } else {
            text += {'\\', 'x', digits[value >> 4], digits[value & 15]};
        }
    }
    return text + '"';
}

}  // namespace paribus::tests

#define CHECK(condition)                                                                    \
    ::paribus::tests::check_equal(static_cast<bool>(condition), true, #condition, __FILE__, \
                                  __LINE__)
#define CHECK_EQUAL(left, right) \
    ::paribus::tests::check_equal((left), (right), #left " == " #right, __FILE__, __LINE__)
#define CHECK_EQUAL_FOR(left, right, text)                                                  \
    ::paribus::tests::check_equal((left), (right), #left " == " #right, __FILE__, __LINE__, \
                                  ::paribus::tests::quoted(text))
#define CHECK_THROWS(expression, Exception)                                                \
    do {                                                                                   \
        bool has_thrown = false;                                                           \
        try {                                                                              \
            static_cast<void>(expression);                                                 \
        } catch (const Exception&) {                                                       \
            has_thrown = true;                                                             \
        }                                                                                  \
        ::paribus::tests::check_equal(has_thrown, true, #expression " throws " #Exception, \
                                      __FILE__, __LINE__);                                 \
    } while (false)
