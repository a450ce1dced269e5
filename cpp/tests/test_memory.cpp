// Fails every n-th allocation of training and encoding: each ends in std::bad_alloc, or well.
#include <atomic>
#include <cstdlib>
#include <new>

#include "bpe/encoder.h"
#include "bpe/trainer.h"
#include "tests/check.h"
#include "tests/random_text.h"
#include "tests/random_vocabulary.h"

namespace {

constexpr long never = -1;
std::atomic<long> allocations_left = never;
std::atomic<long> n_allocations = 0;

void count_allocation() {
    ++n_allocations;
    if (allocations_left != never && allocations_left-- <= 0) {
        allocations_left = 0;
        throw std::bad_alloc();
    }
}

}  // namespace

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

// Calls `run` with its first allocation failing and all later ones too, then from its second, ...
template <typename Run>
void fail_each_allocation(const Run& run) {
    const auto expected = run();
    n_allocations = 0;
    CHECK(run() == expected);
    const long total = n_allocations;
    CHECK(total > 0);
    for (long n = 0; n < total; ++n) {
        bool has_result = false;
        try {
            allocations_left = n;
            const auto found = run();
            allocations_left = never;
            has_result = found == expected;
        } catch (const std::bad_alloc&) {
            allocations_left = never;
            has_result = true;
        }
        CHECK(has_result);
    }
    CHECK(run() == expected);
}

void encoding_survives_each_failed_allocation() {
    RandomText random(41);
    const bpe::Encoder encoder(random_vocabulary(
        40, bpe::Pattern::gpt2, [&](std::size_t limit) { return random.below(limit); }));
    const std::string text = random.snippets(40) + std::string(200, 'a');
    const std::vector<std::string_view> texts{text, text};
    for (const std::size_t n_threads : {1U, 3U}) {
        fail_each_allocation(
            [&] { return encoder.encode_many(texts, {true, n_threads, 16}, {}).ids.to_vector(); });
    }
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
        {"encoding survives each failed allocation", encoding_survives_each_failed_allocation},
        {"training survives each failed allocation", training_survives_each_failed_allocation},
    };
}

}  // namespace paribus::tests
