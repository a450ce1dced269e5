#include "bpe/scan/pattern.h"

#include <string>

#include "bpe/types.h"

namespace paribus::bpe {

Pattern pattern_named(std::string_view name) {
    if (name == "gpt2") return Pattern::gpt2;
    if (name == "cl100k") return Pattern::cl100k;
    if (name == "o200k") return Pattern::o200k;
    if (name == "none") return Pattern::none;
    throw Error("pattern", "gpt2, cl100k, o200k or none", std::string(name));
}

}  // namespace paribus::bpe
