// Texts made of parts that splits and merges tend to get wrong. A seed gives the same text on every
// system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace paribus::tests {

class RandomText {
  public:
    explicit RandomText(std::uint64_t seed) : engine_(seed) {}

    // A number below `limit`.
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }

    // Any bytes.
    std::string bytes(std::size_t n_bytes);

    // Snippets of many classes of characters, broken UTF-8 and special tokens.
    std::string snippets(std::size_t n_snippets);

    // Words of few letters: pairs repeat and overlap.
    std::string words(std::size_t n_bytes);

    // `text` cut into blocks of 1 to `longest` bytes.
    std::vector<std::string> blocks(const std::string& text, std::size_t longest);

  private:
    std::mt19937_64 engine_;
};

// One repeated snippet for each shape of text that is known to break tokenizers.
std::vector<std::string> adversarial_texts(std::size_t n_bytes);

}  // namespace paribus::tests
