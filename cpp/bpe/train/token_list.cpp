#include "bpe/train/token_list.h"

#include <utility>

namespace paribus::bpe {
namespace {

// Ordered as the bytes are. If two are equal, the bytes after them or the lengths decide.
std::uint64_t first_eight_bytes(const std::string& token) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) {
        value = value << 8 | (i < token.size() ? static_cast<unsigned char>(token[i]) : 0U);
    }
    return value;
}

}  // namespace

TokenList::TokenList(const TrainingOptions& options)
    : ties_(options.ties), next_id_(options.first_merge_id) {
    append(std::string(1, '\0'), absent);  // a border takes one place in a row
    for (int byte = 0; byte < 256; ++byte) {
        append(std::string(1, static_cast<char>(byte)),
               options.byte_ids[static_cast<std::size_t>(byte)]);
    }
}

Id TokenList::add(Id left, Id right) {
    append(tokens_[left] + tokens_[right], next_id_++);
    return static_cast<Id>(tokens_.size() - 1);
}

void TokenList::append(std::string token, Id id) {
    lengths_.push_back(static_cast<std::uint32_t>(token.size()));
    ranks_.push_back(ties_ == Ties::hf ? ~std::uint64_t{id} : first_eight_bytes(token));
    tokens_.push_back(std::move(token));
}

}  // namespace paribus::bpe
