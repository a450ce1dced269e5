// Stands in for libFuzzer where the compiler has none: random inputs and mutations of them.
//   fuzz_NAME [-max_total_time=SECONDS] [-seed=N]       the input that fails is left in its file
//   fuzz_NAME FILE...                                   runs these inputs again
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tests/oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string random_bytes(oracle::Random& random, std::size_t n) {
    std::string bytes;
    for (std::size_t i = 0; i < n; ++i) bytes.push_back(static_cast<char>(random.below(256)));
    return bytes;
}

// A new input, or an older one with a part changed, doubled or cut out.
std::string next_input(oracle::Random& random, const std::vector<std::string>& older) {
    if (older.empty() || random.below(2) == 0) {
        return random_bytes(random, 6) + (random.below(4) == 0
                                              ? random_bytes(random, random.below(100))
                                              : random.text(random.below(80)));
    }
    std::string input = older[random.below(older.size())];
    const std::size_t at = random.below(input.size()), n = 1 + random.below(input.size() - at);
    switch (random.below(3)) {
        case 0:
            input[at] = static_cast<char>(random.below(256));
            break;
        case 1:
            input.insert(at, input.substr(at, n));
            break;
        default:
            input.replace(at, n, random.text(1));
    }
    return input.substr(0, 4096);
}

std::size_t run_for(double seconds, std::uint64_t seed, const std::string& kept) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    oracle::Random random(seed);
    std::vector<std::string> older;
    std::size_t n_inputs = 0;
    for (; Clock::now() < end; ++n_inputs) {
        const std::string input = next_input(random, older);
        std::ofstream(kept, std::ios::binary) << input;  // on disk before it can end the program
        run(input);
        if (older.size() < 256) {
            older.push_back(input);
        } else {
            older[random.below(older.size())] = input;
        }
    }
    std::remove(kept.c_str());
    return n_inputs;
}

}  // namespace

int main(int argc, char** argv) {
    double seconds = 15;
    std::uint64_t seed = 1;
    bool has_files = false;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const std::string value = argument.substr(argument.find('=') + 1);
        if (argument.starts_with("-max_total_time=")) {
            seconds = std::stod(value);
        } else if (argument.starts_with("-seed=")) {
            seed = std::stoull(value);
        } else {
            has_files = true;
            std::ifstream file(argument, std::ios::binary);
            run({std::istreambuf_iterator<char>(file), {}});
        }
    }
    if (has_files) return 0;
    std::printf("%zu inputs, none failed\n",
                run_for(seconds, seed, std::string(argv[0]) + ".input"));
    return 0;
}
