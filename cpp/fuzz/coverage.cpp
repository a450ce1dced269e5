#include "fuzz/coverage.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace paribus::fuzz {
namespace {

constexpr std::size_t n_slots = std::size_t{1} << 14;

// By edge. Threads may lose a count, which costs a fuzzer nothing.
volatile std::uint8_t counts[n_slots];
std::uint16_t seen[n_slots];  // a bit for each magnitude of its count
std::size_t n_seen = 0;

}  // namespace

void begin_run() { std::memset(const_cast<std::uint8_t*>(counts), 0, sizeof counts); }

std::size_t count_new_edges() {
    std::size_t n_new = 0;
    for (std::size_t slot = 0; slot < n_slots; ++slot) {
        const std::uint8_t count = counts[slot];
        const auto magnitude = static_cast<std::uint16_t>(1U << std::bit_width(count));
        if (count == 0 || (seen[slot] & magnitude) != 0) continue;
        seen[slot] = static_cast<std::uint16_t>(seen[slot] | magnitude);
        ++n_new;
    }
    n_seen += n_new;
    return n_new;
}

std::size_t n_edges() { return n_seen; }

}  // namespace paribus::fuzz

// Called at each basic block of the code compiled with -fsanitize-coverage=trace-pc, which is the
// core but not this file. An edge is a block together with the block before it.
extern "C" void __sanitizer_cov_trace_pc() {
    using namespace paribus::fuzz;
    static thread_local std::uint64_t before = 0;
    const auto here = reinterpret_cast<std::uintptr_t>(&__sanitizer_cov_trace_pc);
    const auto place = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)) - here;
    const std::uint64_t block = (place * 0x9E3779B97F4A7C15) >> 50;
    volatile std::uint8_t& count = counts[block ^ before];
    before = block >> 1;
    if (count != 255) count = static_cast<std::uint8_t>(count + 1);
}
