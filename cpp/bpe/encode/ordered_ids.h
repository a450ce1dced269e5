// Joins the ids of tasks that may end in any order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <utility>

#include "bpe/encode/ids.h"
#include "bpe/parallel.h"

namespace paribus::bpe {

// The ids of a task are appended as soon as those of all earlier tasks are. Apart from the result,
// memory holds only the ids of tasks that overtook a slower one, at most `most_waiting` of them.
class OrderedIds {
  public:
    // `ids` is empty; its reserved memory is used for the result.
    OrderedIds(Ids ids, std::size_t most_waiting)
        : ids_(std::move(ids)), most_waiting_(most_waiting) {}

    // Takes the ids of a task, once, and leaves `ids` empty. Any thread may call this; it waits if
    // its task is too far ahead of the slowest one.
    void add(std::size_t task, Ids& ids, Checkpoint& checkpoint) {
        std::unique_lock lock(mutex_);
        const auto is_near = [&] { return task <= next_ + most_waiting_; };
        while (!appended_.wait_for(lock, look_interval, is_near)) {
            checkpoint.spend(Checkpoint::interval);
        }
        if (task != next_) {
            waiting_.emplace(task, std::exchange(ids, Ids(ids.width())));
            return;
        }
        if (ids_.is_without_memory()) {
            std::swap(ids_, ids);
        } else {
            ids_.append(ids);
            ids.clear();
        }
        while (waiting_.contains(++next_)) ids_.append(waiting_.extract(next_).mapped());
        appended_.notify_all();
    }

    // The ids of all tasks, once all of them have ended.
    Ids take() {
        ids_.shrink();
        return std::move(ids_);
    }

  private:
    static constexpr auto look_interval =
        std::chrono::milliseconds(20);  // between two checks for a stop

    std::mutex mutex_;
    std::condition_variable appended_;
    Ids ids_;
    std::size_t most_waiting_;
    std::map<std::size_t, Ids> waiting_;  // by task
    std::size_t next_ = 0;                // the ids of all tasks below are in `ids_`
};

}  // namespace paribus::bpe
