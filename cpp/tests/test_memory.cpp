// Lets the n-th allocation fail, for every n: each call either succeeds or ends in std::bad_alloc,
// and the object still works correctly afterwards.
#include <atomic>
#include <cstdlib>
#include <new>

#include "bpe/encode/decoder.h"
#include "bpe/encode/encoder.h"
#include "bpe/train/trainer.h"
#include "tests/check.h"
#include "tests/random_text.h"
#include "tests/random_vocabulary.h"

namespace {

constexpr long never = -1;
std::atomic<long> allocations_left = never;
std::atomic<long> n_allocations = 0;
std::atomic<bool> all_later_fail = true;

bool is_to_fail() {
    ++n_allocations;
    if (allocations_left == never || allocations_left-- > 0) return false;
    allocations_left = all_later_fail ? 0 : never;
    return true;
}

void count_allocation() {
    if (is_to_fail()) throw std::bad_alloc();
}

}  // namespace

#if defined(__linux__)
// The linker sends the calls of `realloc` here (--wrap): those of the rows of ids.
extern "C" void* __real_realloc(void* memory, std::size_t size);
extern "C" void* __wrap_realloc(void* memory, std::size_t size) {
    return is_to_fail() ? nullptr : __real_realloc(memory, size);
}
#endif

void* operator new(std::size_t size) {
    count_allocation();
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return ::operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void* operator new(std::size_t size, std::align_val_t alignment) {
    count_allocation();
    const auto boundary = static_cast<std::size_t>(alignment);
    if (void* memory = std::aligned_alloc(boundary, (size + boundary - 1) / boundary * boundary)) {
        return memory;
    }
    throw std::bad_alloc();
}

void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace paribus::tests {
namespace {

// Whether `run` gives what is expected, or std::bad_alloc, with allocation `n` failing.
template <typename Run, typename Result>
bool ends_well(const Run& run, const Result& expected, long n) {
    try {
        allocations_left = n;
        const auto found = run();
        allocations_left = never;
        return found == expected;
    } catch (const std::bad_alloc&) {
        allocations_left = never;
        return true;
    }
}

// Calls `run` with its first allocation failing, then its second, ...: alone, and with all later
// ones.
template <typename Run>
void fail_each_allocation(const Run& run) {
    const auto expected = run();
    n_allocations = 0;
    CHECK(run() == expected);
    const long total = n_allocations;
    CHECK(total > 0);
    for (const bool later : {false, true}) {
        all_later_fail = later;
        for (long n = 0; n < total; ++n) {
            CHECK(ends_well(run, expected, n));
            CHECK(run() == expected);
        }
    }
}

bpe::EncoderTables some_tables() {
    RandomText random(41);
    return random_vocabulary(40, bpe::Pattern::gpt2,
                             [&](std::size_t limit) { return random.below(limit); });
}

// The cache holds no word: each run merges all words, as the first one did.
void encoding_survives_each_failed_allocation() {
    RandomText random(44);
    const bpe::Encoder encoder(some_tables(), 0);
    const std::string text = random.snippets(40) + std::string(200, 'a');
    const std::vector<std::string_view> texts{text, text};
    fail_each_allocation([&] { return encoder.encode(text, {true}, {}).to_vector(); });
    for (const std::size_t n_threads : {1U, 3U}) {
        fail_each_allocation(
            [&] { return encoder.encode_many(texts, {true, n_threads, 16}, {}).ids.to_vector(); });
    }
}

void decoding_survives_each_failed_allocation() {
    const bpe::Encoder encoder(some_tables());
    const auto ids = encoder.encode(std::string(300, 'a'), {}, {}).to_vector();
    fail_each_allocation([&] { return encoder.decoder().decode(ids); });
}

void making_an_encoder_survives_each_failed_allocation() {
    bpe::EncoderTables tables = some_tables();
    fail_each_allocation(
        [&] { return bpe::Encoder(tables).encode("aab <|a|>", {true}, {}).to_vector(); });
}

void training_survives_each_failed_allocation() {
    RandomText random(42);
    const std::string text = random.words(200);
    for (const std::size_t n_threads : {1U, 3U}) {
        fail_each_allocation([&] {
            bpe::TrainingOptions options;
            options.n_merges = 10;
            options.n_threads = n_threads;
            options.batch_size = 64;
            bpe::Trainer trainer(options);
            trainer.feed(text, {});
            return trainer.finish({}).merges;
        });
    }
}

}  // namespace

std::vector<Test> memory_tests() {
    return {
        {"encoding on one thread or three survives each failed allocation",
         encoding_survives_each_failed_allocation},
        {"decoding survives each failed allocation", decoding_survives_each_failed_allocation},
        {"making an encoder survives each failed allocation",
         making_an_encoder_survives_each_failed_allocation},
        {"training on one thread or three survives each failed allocation",
         training_survives_each_failed_allocation},
    };
}

}  // namespace paribus::tests
