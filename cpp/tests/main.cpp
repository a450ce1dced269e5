// Runs all tests, or those whose name contains one of the arguments; exits 1 if one fails.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <span>

#include "tests/check.h"

namespace paribus::tests {

std::vector<Test> unicode_tests();
std::vector<Test> pretokenizer_tests();
std::vector<Test> scanner_tests();
std::vector<Test> cut_tests();
std::vector<Test> table_tests();
std::vector<Test> parallel_tests();
std::vector<Test> trainer_tests();
std::vector<Test> encoder_tests();
std::vector<Test> memory_tests();

namespace {

bool passes(const Test& test) {
    const auto start = std::chrono::steady_clock::now();
    try {
        test.run();
    } catch (const std::exception& error) {
        std::printf("FAILED  %s\n        %s\n", test.name.c_str(), error.what());
        return false;
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("passed  %s (%.2f s)\n", test.name.c_str(), seconds.count());
    std::fflush(stdout);
    return true;
}

bool is_chosen(const Test& test, std::span<char*> filters) {
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const char* filter) {
               return test.name.find(filter) != std::string::npos;
           });
}

int run(std::span<char*> filters) {
    int n_failed = 0, n_run = 0;
    for (const auto tests :
         {unicode_tests, pretokenizer_tests, scanner_tests, cut_tests, table_tests, parallel_tests,
          trainer_tests, encoder_tests, memory_tests}) {
        for (const Test& test : tests()) {
            if (!is_chosen(test, filters)) continue;
            ++n_run;
            n_failed += passes(test) ? 0 : 1;
        }
    }
    std::printf("%d tests, %d failed\n", n_run, n_failed);
    return n_failed == 0 && n_run > 0 ? 0 : 1;
}

}  // namespace
}  // namespace paribus::tests

int main(int argc, char** argv) {
    return paribus::tests::run(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
}
