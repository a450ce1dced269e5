// Text without special tokens to ids, by one thread that remembers the words it has merged.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "bpe/checkpoint.h"
#include "bpe/encode/ids.h"
#include "bpe/merge/merge_tables.h"
#include "bpe/scan/scanner.h"

namespace paribus::bpe {

// After an exception it is not to be used again.
class TextEncoder {
  public:
    virtual ~TextEncoder() = default;

    // Appends the ids of `text`, which has the encoder's width, to `ids`.
    virtual void append(std::string_view text, Ids& ids, Checkpoint& checkpoint) = 0;
};

// An encoder to ids of `width` bytes. `tables` and `scanner` outlive it. Words that it remembers
// take about `cache_bytes` at most; that never changes the ids.
std::unique_ptr<TextEncoder> make_text_encoder(std::size_t width, const MergeTables& tables,
                                               const Scanner& scanner, std::size_t cache_bytes);

}  // namespace paribus::bpe
