// Replaces libFuzzer. For a number of seconds or runs, it feeds random inputs, and mutations of
// inputs that took new paths through the core; or it runs the given files. A failing input is saved
// as fuzz-failure.bin. A fuzzer that finds too few new paths does not work, and fails. Usage:
// `fuzz_NAME [-max_total_time=SECONDS] [-runs=N] [-seed=N] [FILE...]`
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/coverage.h"
#include "tests/random_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// Makes sanitizers end the process by a signal too, which the driver catches.
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1"; }

namespace {

using paribus::tests::RandomText;

struct Arguments {
    double seconds = 15;
    std::size_t n_runs = std::numeric_limits<std::size_t>::max();
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
        } else if (argument.starts_with("-runs=")) {
            arguments.n_runs = std::stoull(value);
        } else if (argument.starts_with("-seed=")) {
            arguments.seed = std::stoull(value);
        } else {
            arguments.files.push_back(argument);
        }
    }
    return arguments;
}

// The current input is global because the signal handler, which saves it, takes no arguments.
const std::string* current_input = nullptr;

void keep_input(int) {
    std::FILE* file = std::fopen("fuzz-failure.bin", "wb");
    if (file == nullptr) return;
    std::fwrite(current_input->data(), 1, current_input->size(), file);
    std::fclose(file);
    std::fputs("the input is in fuzz-failure.bin in the current folder\n", stderr);
}

void run(const std::string& input) {
    current_input = &input;
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

// Bytes for choices, then text of one or two kinds.
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

// An input with bytes replaced, dropped or doubled, or its end taken from another input.
std::string changed(std::string input, const std::string& other, RandomText& random) {
    for (std::size_t n_changes = 1 + random.below(4); n_changes-- > 0;) {
        const std::size_t place = random.below(input.size() + 1);
        switch (random.below(4)) {
            case 0:
                if (place < input.size()) input[place] = random.bytes(1)[0];
                break;
            case 1:
                input.erase(place, 1 + random.below(8));
                break;
            case 2:
                input.insert(place, input.substr(place, 1 + random.below(32)));
                break;
            default:
                input.replace(place, input.size(), other, random.below(other.size() + 1), 400);
        }
    }
    return input.substr(0, 4096);
}

struct Growth {
    std::size_t n_runs = 0;
    std::vector<std::string> corpus;  // each took an edge that none before it took
};

Growth run_random(const Arguments& arguments) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(arguments.seconds);
    Growth growth;
    std::vector<std::string>& corpus = growth.corpus;
    for (; growth.n_runs < arguments.n_runs && Clock::now() < end; ++growth.n_runs) {
        RandomText random(arguments.seed + growth.n_runs);
        std::string input = random_input(random);
        if (!corpus.empty() && random.below(4) != 0) {
            input = changed(corpus[random.below(corpus.size())], input, random);
        }
        paribus::fuzz::begin_run();
        run(input);
        if (paribus::fuzz::count_new_edges() > 0) corpus.push_back(std::move(input));
    }
    return growth;
}

// Every fuzzer keeps far more than this in one second.
constexpr std::size_t least_corpus = 30;

int fuzz(const Arguments& arguments) {
    const Growth growth = run_random(arguments);
    std::printf("%zu inputs, none failed; %zu kept, which take %zu edges\n", growth.n_runs,
                growth.corpus.size(), paribus::fuzz::n_edges());
    if (growth.corpus.size() >= least_corpus) return 0;
    std::fprintf(stderr,
                 "corpus: expected at least %zu inputs, found %zu. Is the core instrumented?\n",
                 least_corpus, growth.corpus.size());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = arguments_of(argc, argv);
    std::signal(SIGABRT, keep_input);
    for (const std::string& name : arguments.files) {
        std::ifstream file(name, std::ios::binary);
        if (!file) {
            std::fprintf(stderr, "%s: expected a file, found none\n", name.c_str());
            return 2;
        }
        run({std::istreambuf_iterator<char>(file), {}});
    }
    return arguments.files.empty() ? fuzz(arguments) : 0;
}
