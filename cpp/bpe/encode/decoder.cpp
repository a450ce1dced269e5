#include "bpe/encode/decoder.h"

#include <cstring>

namespace paribus::bpe {
namespace {

// Most tokens are shorter than this, and one copy of a fixed size is cheaper than one of the exact
// size.
constexpr std::size_t common_size = 16;

// A negative id becomes one far beyond all tokens.
template <typename Integer>
std::size_t as_index(Integer id) {
    return static_cast<std::size_t>(id);
}

[[noreturn]] void refuse_changed_ids() {
    throw Error("ids", "an array that nobody changes during decoding", "a changed one");
}

}  // namespace

Decoder::Decoder(std::span<const std::string> tokens) {
    std::size_t n_bytes = 0;
    for (const std::string& token : tokens) n_bytes += token.size();
    if (n_bytes >= absent) throw Error("vocabulary", "less than 4 GiB of tokens", "more");
    spans_.reserve(tokens.size());
    bytes_.reserve(n_bytes + common_size);
    for (const std::string& token : tokens) {
        spans_.push_back(
            {static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(token.size())});
        bytes_.insert(bytes_.end(), token.begin(), token.end());
    }
    bytes_.resize(n_bytes + common_size);
}

template <typename Integer>
std::size_t Decoder::n_bytes(std::span<const Integer> ids) const {
    std::size_t n_bytes = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::size_t id = as_index(ids[i]);
        const std::size_t length = id < spans_.size() ? spans_[id].length : 0;
        if (length == 0) {
            throw Error("position " + std::to_string(i),
                        "an id of the vocabulary, below " + std::to_string(spans_.size()),
                        "id " + std::to_string(ids[i]));
        }
        n_bytes += length;
    }
    return n_bytes;
}

template <typename Integer>
void Decoder::write(std::span<const Integer> ids, std::span<char> out) const {
    char* place = out.data();
    std::size_t room = out.size();
    for (const Integer& unread : ids) {
        const std::size_t id = as_index(unread);
        if (id >= spans_.size()) refuse_changed_ids();
        const auto [begin, length] = spans_[id];
        if (room >= common_size && length <= common_size) {
            std::memcpy(place, &bytes_[begin], common_size);
        } else if (length <= room) {
            std::memcpy(place, &bytes_[begin], length);
        } else {
            refuse_changed_ids();
        }
        place += length;
        room -= length;
    }
    if (room != 0) refuse_changed_ids();
}

std::string Decoder::decode(std::span<const Id> ids) const {
    std::string bytes(n_bytes(ids), '\0');
    write(ids, std::span(bytes));
    return bytes;
}

template std::size_t Decoder::n_bytes(std::span<const std::uint16_t>) const;
template std::size_t Decoder::n_bytes(std::span<const std::uint32_t>) const;
template std::size_t Decoder::n_bytes(std::span<const std::int32_t>) const;
template std::size_t Decoder::n_bytes(std::span<const std::int64_t>) const;
template void Decoder::write(std::span<const std::uint16_t>, std::span<char>) const;
template void Decoder::write(std::span<const std::uint32_t>, std::span<char>) const;
template void Decoder::write(std::span<const std::int32_t>, std::span<char>) const;
template void Decoder::write(std::span<const std::int64_t>, std::span<char>) const;

}  // namespace paribus::bpe
