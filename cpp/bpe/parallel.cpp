#include "bpe/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace paribus::bpe {
namespace {

constexpr auto poll_interval = std::chrono::milliseconds(20);

// Thrown in a worker whose result is no longer needed.
struct Cancelled {};

class Crew {
  public:
    Crew(std::size_t n_tasks, const Task& task) : n_tasks_(n_tasks), task_(task) {}
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    ~Crew() {
        cancelled_ = true;
        join();
    }

    // Starts up to `n_threads` workers. It is not an error if the system grants fewer threads.
    void start(std::size_t n_threads) {
        threads_.reserve(n_threads);
        for (Worker worker = 0; worker < n_threads; ++worker) {
            try {
                ++n_running_;
                threads_.emplace_back([this, worker] { work(worker); });
            } catch (const std::system_error&) {
                --n_running_;
                if (worker == 0) throw;
                break;
            }
        }
    }

    void wait(const Poll& poll) {
        std::unique_lock lock(mutex_);
        while (!ended_.wait_for(lock, poll_interval, [this] { return n_running_ == 0; })) {
            lock.unlock();
            if (poll) poll();
            lock.lock();
        }
        lock.unlock();
        join();
        if (error_) std::rethrow_exception(error_);
    }

  private:
    void work(Worker worker) {
        try {
            Checkpoint checkpoint([this] {
                if (cancelled_) throw Cancelled{};
            });
            for (std::size_t task = next_task_++; task < n_tasks_ && !cancelled_;
                 task = next_task_++) {
                task_(worker, task, checkpoint);
            }
        } catch (const Cancelled&) {
        } catch (...) {
            fail(std::current_exception());
        }
        const std::lock_guard lock(mutex_);
        --n_running_;
        ended_.notify_one();
    }

    void fail(std::exception_ptr error) {
        cancelled_ = true;
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::move(error);
    }

    void join() {
        for (std::thread& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
    }

    const std::size_t n_tasks_;
    const Task& task_;
    std::atomic<std::size_t> next_task_ = 0;
    std::atomic<std::size_t> n_running_ = 0;
    std::atomic<bool> cancelled_ = false;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::exception_ptr error_;
    std::vector<std::thread> threads_;
};

}  // namespace

void run_tasks(std::size_t n_tasks, std::size_t n_threads, const Poll& poll, const Task& task) {
    n_threads = std::min(n_threads, n_tasks);
    if (n_threads <= 1) {
        Checkpoint checkpoint(poll);
        for (std::size_t i = 0; i < n_tasks; ++i) task(0, i, checkpoint);
        return;
    }
    Crew crew(n_tasks, task);
    crew.start(n_threads);
    crew.wait(poll);
}

}  // namespace paribus::bpe
