#include "bpe/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace bpe {

void for_each_piece(std::size_t n_pieces, std::size_t n_threads, const Poll& poll,
                    const std::function<void(std::size_t, std::size_t)>& work) {
    std::atomic<std::size_t> next_piece{0};
    std::atomic<bool> is_stopped{false};
    std::exception_ptr failure;
    std::mutex failure_lock;

    const auto take_pieces = [&](std::size_t thread) {
        try {
            while (!is_stopped) {
                const std::size_t piece = next_piece++;
                if (piece >= n_pieces) return;
                if (thread == 0 && poll) poll();
                work(piece, thread);
            }
        } catch (...) {
            const std::lock_guard<std::mutex> guard(failure_lock);
            if (!failure) failure = std::current_exception();
            is_stopped = true;
        }
    };

    std::vector<std::thread> threads;
    const std::size_t n_extra = std::min(std::max<std::size_t>(n_threads, 1), n_pieces);
    try {
        for (std::size_t thread = 1; thread < n_extra; ++thread) {
            threads.emplace_back(take_pieces, thread);
        }
    } catch (...) {  // no more threads to be had: those that run do the work
    }
    take_pieces(0);
    for (std::thread& thread : threads) thread.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace bpe
