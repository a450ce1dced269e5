// Work on numbered pieces by several threads, the calling one among them.
#pragma once

#include <cstddef>
#include <functional>

namespace bpe {

// Called now and then on the calling thread; it may throw to stop the work.
using Poll = std::function<void()>;

// Calls work(piece, thread) for each piece below n_pieces, each once, on up to n_threads threads.
// The first exception of any of them stops the rest and is thrown here.
void for_each_piece(std::size_t n_pieces, std::size_t n_threads, const Poll& poll,
                    const std::function<void(std::size_t piece, std::size_t thread)>& work);

}  // namespace bpe
