// Joins the ids of tasks that end in any order.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <utility>

#include "bpe/ids.h"

namespace paribus::bpe {

// Ids are appended as soon as those of all earlier tasks are: beside the result, memory holds only
// what overtook a slower task.
class OrderedIds {
  public:
    explicit OrderedIds(std::size_t width) : ids_(width) {}

    // Takes the ids of a task, once; any thread may bring them. `ids` is empty afterwards.
    void add(std::size_t task, Ids& ids) {
        const std::lock_guard lock(mutex_);
        if (task != next_) {
            waiting_.emplace(task, std::exchange(ids, Ids(ids.width())));
            return;
        }
        ids_.append(ids);
        ids.clear();
        while (waiting_.contains(++next_)) ids_.append(waiting_.extract(next_).mapped());
    }

    // The ids of all tasks, when all have ended.
    Ids take() {
        ids_.shrink();
        return std::move(ids_);
    }

  private:
    std::mutex mutex_;
    Ids ids_;
    std::map<std::size_t, Ids> waiting_;  // by task
    std::size_t next_ = 0;                // the ids of all tasks below are in `ids_`
};

}  // namespace paribus::bpe
