// Places in long work where the caller can stop it.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

namespace paribus::bpe {

// Throws if the work is to stop. The core calls it only on the thread that called the core.
using Poll = std::function<void()>;

// Calls `poll` about once per megabyte of work.
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

}  // namespace paribus::bpe
