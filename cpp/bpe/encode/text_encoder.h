// Encodes text without special tokens on one thread, and remembers the words it has merged.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "bpe/checkpoint.h"
#include "bpe/encode/ids.h"
#include "bpe/merge/merge_tables.h"
#include "bpe/scan/scanner.h"

namespace paribus::bpe {

// Must not be used again after an exception.
class TextEncoder {
  public:
    virtual ~TextEncoder() = default;

    // Appends the ids of `text`, which has the encoder's width, to `ids`.
    virtual void append(std::string_view text, Ids& ids, Checkpoint& checkpoint) = 0;
};

// An encoder to ids of `width` bytes. `tables` and `scanner` must outlive it. The words that it
// remembers take roughly `cache_bytes` at most, which never changes the ids.
std::unique_ptr<TextEncoder> make_text_encoder(std::size_t width, const MergeTables& tables,
                                               const Scanner& scanner, std::size_t cache_bytes);

}  // namespace paribus::bpe
