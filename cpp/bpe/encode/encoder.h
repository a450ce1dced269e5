// Encodes text to ids and decodes ids to text, for a given vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bpe/encode/decoder.h"
#include "bpe/encode/ids.h"
#include "bpe/encode/text_encoder.h"
#include "bpe/merge/merge_tables.h"
#include "bpe/parallel.h"
#include "bpe/scan/pattern.h"
#include "bpe/scan/scanner.h"
#include "bpe/scan/special_tokens.h"
#include "bpe/types.h"

namespace paribus::bpe {

struct SpecialToken {
    Id id;
    std::string text;
};

// The vocabulary. `tokens` holds the bytes of each id, including special tokens; they are empty for
// an unused id.
struct EncoderTables {
    std::vector<Id> byte_ids;
    std::vector<MergeRule> merges;
    std::vector<SpecialToken> specials;
    std::vector<std::string> tokens;
    Pattern pattern = Pattern::gpt2;
};

// The ids of text i are ids[offsets[i]] to ids[offsets[i + 1] - 1].
struct EncodedTexts {
    Ids ids;
    std::vector<std::uint64_t> offsets;
};

struct EncodingOptions {
    bool allow_special = false;  // otherwise the text of a special token is ordinary text
    std::size_t n_threads = 1;   // never changes the ids
    std::size_t piece_size = std::size_t{512}
                             << 10;  // bytes per thread and task; never changes the ids
};

// Any number of threads may use one encoder at once.
class Encoder {
  public:
    static constexpr std::size_t usual_cache_bytes = std::size_t{64} << 20;

    // Throws Error if the tables contradict each other. `cache_bytes` is roughly the maximum memory
    // that each thread uses to remember words.
    explicit Encoder(EncoderTables tables, std::size_t cache_bytes = usual_cache_bytes);

    // Ids have 16 bits if every id of the vocabulary fits, else 32.
    Ids encode(std::string_view text, EncodingOptions options, const Poll& poll) const;

    EncodedTexts encode_many(std::span<const std::string_view> texts, EncodingOptions options,
                             const Poll& poll) const;

    // The number of leading bytes of `text` whose ids stay the same whatever follows the text.
    std::size_t settled_size(std::string_view text, bool allow_special) const;

    // The decoder of the same vocabulary.
    const Decoder& decoder() const { return decoder_; }

  private:
    void append_encoded(std::string_view text, bool allow_special, TextEncoder& worker, Ids& ids,
                        Checkpoint& checkpoint) const;
    std::unique_ptr<TextEncoder> take_worker() const;
    void keep_worker(std::unique_ptr<TextEncoder> worker) const;
    std::size_t id_width() const {
        return decoder_.n_tokens() <= most_narrow_ids ? sizeof(std::uint16_t) : sizeof(Id);
    }

    Pattern pattern_;
    Scanner scanner_;
    MergeTables tables_;
    Decoder decoder_;
    SpecialTokens specials_;
    SpecialTokens no_specials_;
    std::vector<Id> special_ids_;
    std::size_t cache_bytes_;

    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<TextEncoder>> idle_;  // guarded by mutex_
};

}  // namespace paribus::bpe
