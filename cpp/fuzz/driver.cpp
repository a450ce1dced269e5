// Stands in for libFuzzer: feeds random inputs for a number of seconds, or the files it is given.
// The input that fails is left in fuzz-failure.bin.
//   fuzz_NAME [-max_total_time=SECONDS] [-seed=N] [FILE...]
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tests/random_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// Sanitizers end the process by a signal too, which the driver sees.
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1"; }

namespace {

using paribus::tests::RandomText;

struct Arguments {
    double seconds = 15;
    std::uint64_t seed = 1;
    std::vector<std::string> files;
};

Arguments arguments_of(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const std::string value = argument.substr(argument.find('=') + 1);
        if (argument.starts_with("-max_total_time=")) {
            arguments.seconds = std::stod(value);
        } else if (argument.starts_with("-seed=")) {
            arguments.seed = std::stoull(value);
        } else {
            arguments.files.push_back(argument);
        }
    }
    return arguments;
}

// What a failing run leaves: the signal handler knows no arguments.
const std::string* current_input = nullptr;

void keep_input(int) {
    std::FILE* file = std::fopen("fuzz-failure.bin", "wb");
    if (file == nullptr) return;
    std::fwrite(current_input->data(), 1, current_input->size(), file);
    std::fclose(file);
    std::fputs("the input is in fuzz-failure.bin\n", stderr);
}

void run(const std::string& input) {
    current_input = &input;
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

// Choices first, then a text of one kind or two.
std::string random_input(RandomText& random) {
    std::string input = random.bytes(random.below(80));
    for (std::size_t n_parts = 1 + random.below(2); n_parts-- > 0;) {
        switch (random.below(3)) {
            case 0:
                input += random.bytes(random.below(60));
                break;
            case 1:
                input += random.words(random.below(200));
                break;
            default:
                input += random.snippets(random.below(60));
        }
    }
    return input;
}

std::size_t run_random(const Arguments& arguments) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(arguments.seconds);
    std::size_t n_runs = 0;
    for (; Clock::now() < end; ++n_runs) {
        RandomText random(arguments.seed + n_runs);
        run(random_input(random));
    }
    return n_runs;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = arguments_of(argc, argv);
    std::signal(SIGABRT, keep_input);
    for (const std::string& name : arguments.files) {
        std::ifstream file(name, std::ios::binary);
        run({std::istreambuf_iterator<char>(file), {}});
    }
    if (arguments.files.empty()) std::printf("%zu inputs, none failed\n", run_random(arguments));
    return 0;
}
