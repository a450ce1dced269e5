// The settings of training, each by its name.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpe/scan/pattern.h"
#include "bpe/types.h"

namespace paribus::bpe {

// Which of several equally frequent pairs is merged first: the greatest pair of byte strings
// (`cs336`) or the smallest pair of ids (`hf`).
enum class Ties { cs336, hf };

// Throws Error for an unknown name.
Ties ties_named(std::string_view name);

// Training within this limit runs in one thread, and counts that do not fit go to disk.
struct MemoryBudget {
    std::size_t n_bytes;
    std::string spill_folder;  // the caller creates it, and deletes it with what it holds
};

struct TrainingOptions {
    Pattern pattern = Pattern::gpt2;
    std::vector<std::string> specials;
    Count n_merges = 0;
    std::array<Id, 256> byte_ids{};  // only `hf` ties compare these ids
    Id first_merge_id = 256;         // merges take consecutive ids from here
    Ties ties = Ties::cs336;
    std::size_t n_threads = 1;
    // In bytes; without it, tokens have any length.
    std::optional<std::size_t> max_token_length = std::nullopt;
    // Bytes to count at a time; without it, a size that suits the number of threads.
    std::optional<std::size_t> batch_size = std::nullopt;
    // Without it, memory has no limit.
    std::optional<MemoryBudget> memory = std::nullopt;
};

}  // namespace paribus::bpe
