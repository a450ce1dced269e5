#include "bpe/train/options.h"

namespace paribus::bpe {

Ties ties_named(std::string_view name) {
    if (name == "cs336") return Ties::cs336;
    if (name == "hf") return Ties::hf;
    throw Error("ties", "cs336 or hf", std::string(name));
}

}  // namespace paribus::bpe
