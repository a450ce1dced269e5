// Bytes to token ids and back.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bpe/parallel.h"
#include "bpe/pretokenizer.h"
#include "bpe/segments.h"
#include "bpe/types.h"
#include "bpe/word_table.h"

namespace bpe {

// What a pair of ids becomes; merges apply lowest rank first.
struct IdMerge {
    TokenId left, right, result;
};

// A map from pairs of ids to the rank and the result of their merge, open addressing.
class PairTable {
  public:
    struct Slot {
        std::uint64_t pair = no_pair;
        std::uint32_t rank = no_rank;
        TokenId result = 0;
    };
    static constexpr std::uint64_t no_pair = ~std::uint64_t{0};
    static constexpr std::uint32_t no_rank = ~std::uint32_t{0};

    explicit PairTable(std::span<const IdMerge> merges);
    const Slot& find(TokenId left, TokenId right) const;

  private:
    std::vector<Slot> slots_;
    Slot absent_;
};

// Immutable but for its caches of words, which are lent to one caller at a time: safe to share.
class Encoder {
  public:
    Encoder(const std::array<TokenId, 256>& byte_ids, std::span<const IdMerge> merges,
            SpecialTokens specials, std::vector<std::string> tokens, Pattern pattern);

    std::vector<TokenId> encode(std::string_view text, bool allow_special, std::size_t n_threads,
                                const Poll& poll) const;

    // The ids of all texts one after another, and where those of each start (one more than texts).
    std::pair<std::vector<TokenId>, std::vector<std::uint64_t>> encode_many(
        std::span<const std::string_view> texts, bool allow_special, std::size_t n_threads,
        const Poll& poll) const;

    // Throws Error naming the first id that is none of the vocabulary, and its position.
    std::string decode(std::span<const TokenId> ids) const;

  private:
    class Cache;
    class CacheLoan;

    void encode_piece(std::string_view text, const Piece& piece, Cache& cache,
                      std::vector<TokenId>& ids) const;
    void append_word(std::string_view word, Cache& cache, std::vector<TokenId>& ids) const;
    void merge(std::vector<TokenId>& ids) const;
    void merge_long(std::vector<TokenId>& ids) const;

    std::array<TokenId, 256> byte_ids_;
    PairTable pairs_;
    SpecialTokens specials_;
    SpecialTokens no_specials_;
    std::vector<std::string> tokens_;
    Pattern pattern_;
    mutable std::mutex caches_lock_;
    mutable std::vector<std::unique_ptr<Cache>> caches_;

  public:
    ~Encoder();
};

}  // namespace bpe
