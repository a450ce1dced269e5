#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "bpe/parallel.h"
#include "tests/check.h"

namespace paribus::tests {
namespace {

struct Stop {};

void each_task_runs_once() {
    for (const std::size_t n_threads : {0U, 1U, 2U, 3U, 8U}) {
        for (const std::size_t n_tasks : {0U, 1U, 2U, 100U}) {
            std::vector<std::atomic<int>> runs(n_tasks);
            std::vector<std::atomic<int>> users(std::max<std::size_t>(n_threads, 1));
            bpe::run_tasks(n_tasks, n_threads, {},
                           [&](bpe::Worker worker, std::size_t task, bpe::Checkpoint&) {
                               CHECK_EQUAL(++users.at(worker), 1);
                               ++runs[task];
                               --users.at(worker);
                           });
            for (const auto& n_runs : runs) CHECK_EQUAL(n_runs.load(), 1);
        }
    }
}

void an_exception_of_a_task_reaches_the_caller() {
    for (const std::size_t n_threads : {1U, 2U, 8U}) {
        CHECK_THROWS(bpe::run_tasks(50, n_threads, {},
                                    [](bpe::Worker, std::size_t task, bpe::Checkpoint&) {
                                        if (task == 7) throw Stop{};
                                    }),
                     Stop);
    }
}

// The tasks never end by themselves: only the poll's exception stops them.
void an_exception_of_the_poll_stops_all_tasks() {
    for (const std::size_t n_threads : {1U, 2U, 8U}) {
        CHECK_THROWS(bpe::run_tasks(
                         16, n_threads, [] { throw Stop{}; },
                         [](bpe::Worker, std::size_t, bpe::Checkpoint& checkpoint) {
                             for (;;) checkpoint.spend(bpe::Checkpoint::interval / 4);
                         }),
                     Stop);
    }
}

void the_poll_is_called_on_the_calling_thread_only() {
    const auto caller = std::this_thread::get_id();
    std::size_t n_calls = 0;
    const auto poll = [&] {
        CHECK(std::this_thread::get_id() == caller);
        ++n_calls;
    };
    bpe::run_tasks(8, 2, poll, [](bpe::Worker, std::size_t, bpe::Checkpoint& checkpoint) {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        checkpoint.spend(bpe::Checkpoint::interval);
    });
    CHECK(n_calls > 0);
}

}  // namespace

std::vector<Test> parallel_tests() {
    return {
        {"each task runs once, one at a time on each thread", each_task_runs_once},
        {"an exception of a task reaches the calling thread",
         an_exception_of_a_task_reaches_the_caller},
        {"an exception of the poll stops the tasks of all threads",
         an_exception_of_the_poll_stops_all_tasks},
        {"the poll is called on the calling thread only",
         the_poll_is_called_on_the_calling_thread_only},
    };
}

}  // namespace paribus::tests
