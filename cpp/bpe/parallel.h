// Tasks on threads: cancelled by the caller's poll, exceptions carried to the caller.
#pragma once

#include <cstddef>
#include <functional>

namespace paribus::bpe {

// Asks whether to go on, and throws where not. It is called on the thread that called the core
// only.
using Poll = std::function<void()>;

// Calls `poll` once for about each megabyte of work.
class Checkpoint {
  public:
    static constexpr std::size_t interval = std::size_t{1} << 20;

    explicit Checkpoint(Poll poll) : poll_(std::move(poll)) {}

    void spend(std::size_t n_bytes) {
        if (n_bytes < left_) {
            left_ -= n_bytes;
            return;
        }
        left_ = interval;
        if (poll_) poll_();
    }

  private:
    Poll poll_;
    std::size_t left_ = interval;
};

// More threads than any machine has use for; a wish for more is a wish for so many.
inline constexpr std::size_t most_threads = 1024;

// The number of a worker, below the number of threads; one worker runs one task at a time.
using Worker = std::size_t;
using Task = std::function<void(Worker worker, std::size_t task, Checkpoint& checkpoint)>;

// Runs tasks 0 to n_tasks - 1, on this thread alone or on up to `n_threads` threads of its own. The
// first exception, of a task or of `poll`, stops the others at their next checkpoint and is thrown
// here once all have ended.
void run_tasks(std::size_t n_tasks, std::size_t n_threads, const Poll& poll, const Task& task);

}  // namespace paribus::bpe
