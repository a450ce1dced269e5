#include "bpe/scan/special_tokens.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "bpe/types.h"

namespace paribus::bpe {

SpecialTokens::SpecialTokens(std::vector<std::string> texts) : texts_(std::move(texts)) {
    for (std::size_t number = 0; number < texts_.size(); ++number) {
        const std::string& text = texts_[number];
        if (text.empty()) {
            throw Error("special token " + std::to_string(number), "some text", "none");
        }
        by_first_byte_[static_cast<unsigned char>(text[0])].push_back(number);
        if (first_bytes_.find(text[0]) == std::string::npos) first_bytes_.push_back(text[0]);
        longest_ = std::max(longest_, text.size());
    }
    for (auto& numbers : by_first_byte_) {
        std::stable_sort(numbers.begin(), numbers.end(), [this](std::size_t a, std::size_t b) {
            return texts_[a].size() > texts_[b].size();
        });
    }
}

SpecialTokens::Match SpecialTokens::find(std::string_view text, std::size_t from) const {
    for (std::size_t at = next_candidate(text, from); at < text.size();
         at = next_candidate(text, at + 1)) {
        for (const std::size_t number : by_first_byte_[static_cast<unsigned char>(text[at])]) {
            if (text.substr(at).starts_with(texts_[number])) {
                return {at, at + texts_[number].size(), number};
            }
        }
    }
    return {text.size(), text.size(), 0};
}

std::size_t SpecialTokens::next_candidate(std::string_view text, std::size_t from) const {
    if (first_bytes_.empty() || from >= text.size()) return text.size();
    if (first_bytes_.size() == 1) {
        const void* found = std::memchr(text.data() + from, first_bytes_[0], text.size() - from);
        if (found == nullptr) return text.size();
        return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    }
    while (from < text.size() && by_first_byte_[static_cast<unsigned char>(text[from])].empty()) {
        ++from;
    }
    return from;
}

}  // namespace paribus::bpe
