#include "bpe/words/word_spill.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <queue>
#include <system_error>
#include <utility>

namespace paribus::bpe {
namespace {

constexpr std::size_t write_size = std::size_t{1} << 18;
constexpr std::size_t least_read_size = 4096;

// Precedes the bytes of a word. Only the process that wrote the file reads it.
struct Head {
    std::uint64_t length;
    Count count;
};

}  // namespace

// Reads one run, a buffer at a time.
class WordSpill::Run {
  public:
    Run(WordSpill& spill, std::uint64_t begin, std::uint64_t end, std::size_t read_size)
        : spill_(&spill), next_(begin), end_(end), read_size_(read_size) {}

    // Moves to the next word; returns false if there is none.
    bool advance() {
        if (at_ == buffer_.size() && next_ == end_) return false;
        Head head;
        fill(sizeof head);
        std::memcpy(&head, &buffer_[at_], sizeof head);
        at_ += sizeof head;
        fill(head.length);
        word_ = std::string_view(buffer_).substr(at_, head.length);
        at_ += head.length;
        count_ = head.count;
        return true;
    }

    // Valid until the next word.
    std::string_view word() const { return word_; }
    Count count() const { return count_; }

  private:
    // Makes `n_bytes` available in the buffer from `at_`.
    void fill(std::size_t n_bytes) {
        if (buffer_.size() - at_ >= n_bytes) return;
        buffer_.erase(0, std::exchange(at_, 0));
        const std::size_t kept = buffer_.size();
        const std::size_t wanted = std::max(n_bytes - kept, read_size_);
        const auto n_read = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, end_ - next_));
        buffer_.resize(kept + n_read);
        errno = 0;  // it may tell of something long past
        spill_->file_.seekg(static_cast<std::streamoff>(next_));
        spill_->file_.read(&buffer_[kept], static_cast<std::streamsize>(n_read));
        spill_->require_good();
        next_ += n_read;
    }

    WordSpill* spill_;
    std::uint64_t next_, end_;  // in the file
    std::size_t read_size_;
    std::string buffer_;
    std::size_t at_ = 0;
    std::string_view word_;
    Count count_ = 0;
};

void WordSpill::write(const WordCounts& words) {
    errno = 0;  // it may tell of something long past
    if (empty()) {
        file_.open(path_, std::ios::in | std::ios::out | std::ios::trunc | std::ios::binary);
        require_good();
        file_.rdbuf()->pubsetbuf(nullptr, 0);
    }
    std::vector<std::pair<std::string_view, Count>> sorted;
    sorted.reserve(words.size());
    words.for_each([&](std::string_view word, Count count) { sorted.emplace_back(word, count); });
    std::sort(sorted.begin(), sorted.end());
    const std::uint64_t begin = empty() ? 0 : run_ends_.back();
    file_.seekp(static_cast<std::streamoff>(begin));
    std::uint64_t n_bytes = 0;
    std::string block;
    for (const auto& [word, count] : sorted) {
        const Head head{word.size(), count};
        block.append(reinterpret_cast<const char*>(&head), sizeof head).append(word);
        n_bytes += sizeof head + word.size();
        if (block.size() >= write_size) append(std::exchange(block, {}));
    }
    append(block);
    file_.flush();
    require_good();
    run_ends_.push_back(begin + n_bytes);
}

void WordSpill::for_each(const VisitWord& visit) {
    const std::size_t read_size =
        std::max(n_buffer_bytes_ / std::max<std::size_t>(run_ends_.size(), 1), least_read_size);
    std::vector<std::unique_ptr<Run>> runs;
    const auto comes_later = [](const Run* a, const Run* b) { return a->word() > b->word(); };
    std::priority_queue<Run*, std::vector<Run*>, decltype(comes_later)> queue(comes_later);
    std::uint64_t begin = 0;
    for (const std::uint64_t end : run_ends_) {
        runs.push_back(std::make_unique<Run>(*this, std::exchange(begin, end), end, read_size));
        if (runs.back()->advance()) queue.push(runs.back().get());
    }
    std::string word;
    while (!queue.empty()) {
        word = queue.top()->word();
        Count count = 0;
        while (!queue.empty() && queue.top()->word() == word) {
            Run* const run = queue.top();
            queue.pop();
            count += run->count();
            if (run->advance()) queue.push(run);
        }
        visit(word, count);
    }
}

void WordSpill::append(const std::string& bytes) {
    file_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    require_good();
}

void WordSpill::require_good() const {
    if (!file_) {
        throw std::system_error(errno != 0 ? errno : EIO, std::generic_category(), path_);
    }
}

}  // namespace paribus::bpe
