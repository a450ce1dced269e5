#include "bpe/encode/encoder.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "bpe/encode/ordered_ids.h"
#include "bpe/scan/cuts.h"

namespace paribus::bpe {
namespace {

constexpr std::size_t whole = std::numeric_limits<std::size_t>::max();
constexpr std::size_t bytes_of_short_token = 2;  // room is made for so many, touched as it fills
constexpr std::size_t most_idle_workers = 64;

std::string name_of(Id id) { return "id " + std::to_string(id); }

std::string ids_of_vocabulary(const std::vector<std::string>& tokens) {
    return "an id of the vocabulary, below " + std::to_string(tokens.size());
}

bool is_known(const std::vector<std::string>& tokens, Id id) {
    return id < tokens.size() && !tokens[id].empty();
}

void check_known(const std::vector<std::string>& tokens, Id id, const std::string& where) {
    if (!is_known(tokens, id)) throw Error(where, ids_of_vocabulary(tokens), name_of(id));
}

std::array<Id, 256> checked_byte_ids(const EncoderTables& tables) {
    std::array<Id, 256> byte_ids{};
    if (tables.byte_ids.size() != byte_ids.size()) {
        throw Error("byte ids", "256", std::to_string(tables.byte_ids.size()));
    }
    for (std::size_t byte = 0; byte < byte_ids.size(); ++byte) {
        const Id id = tables.byte_ids[byte];
        const std::string where = "byte " + std::to_string(byte);
        check_known(tables.tokens, id, where);
        if (tables.tokens[id] != std::string(1, static_cast<char>(byte))) {
            throw Error(where, "a token of that byte alone", name_of(id) + " of other bytes");
        }
        byte_ids[byte] = id;
    }
    return byte_ids;
}

void check_merges(const EncoderTables& tables) {
    for (std::size_t rank = 0; rank < tables.merges.size(); ++rank) {
        const MergeRule& rule = tables.merges[rank];
        const std::string where = "merge " + std::to_string(rank);
        for (const Id id : {rule.left, rule.right, rule.result}) {
            check_known(tables.tokens, id, where);
        }
        if (tables.tokens[rule.result] != tables.tokens[rule.left] + tables.tokens[rule.right]) {
            throw Error(where, "the bytes of both parts as result",
                        name_of(rule.result) + " of other bytes");
        }
    }
}

void check_sizes(const EncoderTables& tables) {
    if (tables.tokens.size() >= absent || tables.merges.size() >= absent) {
        throw Error("vocabulary", "less than 2^32 - 1 tokens and merges", "more");
    }
    for (const std::string& token : tables.tokens) {
        if (token.size() >= absent) throw Error("token", "less than 4 GiB", "more");
    }
}

std::vector<std::string> special_texts(const EncoderTables& tables) {
    std::vector<std::string> texts;
    for (const SpecialToken& special : tables.specials) {
        check_known(tables.tokens, special.id, "special token " + special.text);
        texts.push_back(special.text);
    }
    return texts;
}

MergeTables merge_tables(EncoderTables& tables) {
    check_sizes(tables);
    const std::array<Id, 256> byte_ids = checked_byte_ids(tables);
    check_merges(tables);
    return {byte_ids, std::move(tables.merges), tables.tokens};
}

// A text, or a part of a large text, that is encoded on its own.
struct Piece {
    std::string_view text;
    std::size_t text_number;
    std::size_t n_ids = 0;
};

std::vector<Piece> pieces_of(std::span<const std::string_view> texts, Pattern pattern,
                             const SpecialTokens& specials, std::size_t target, const Poll& poll) {
    std::vector<Piece> pieces;
    for (std::size_t number = 0; number < texts.size(); ++number) {
        if (texts[number].size() <= target) {
            pieces.push_back({texts[number], number});
            continue;
        }
        for (const std::string_view part :
             cut_text(texts[number], pattern, specials, target, poll)) {
            pieces.push_back({part, number});
        }
    }
    return pieces;
}

// Enough for most texts, so their ids never move.
Ids ids_with_room(std::size_t width, std::size_t n_bytes) {
    Ids ids(width);
    ids.reserve(n_bytes / bytes_of_short_token);
    return ids;
}

// Groups neighbouring pieces into tasks of about `target` bytes: task i has the pieces from
// borders[i] to borders[i + 1] - 1.
std::vector<std::size_t> task_borders(const std::vector<Piece>& pieces, std::size_t target) {
    std::vector<std::size_t> borders{0};
    std::size_t n_bytes = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        n_bytes += pieces[i].text.size();
        if (n_bytes >= target || i + 1 == pieces.size()) {
            borders.push_back(i + 1);
            n_bytes = 0;
        }
    }
    return borders;
}

std::vector<std::uint64_t> offsets_of(const std::vector<Piece>& pieces, std::size_t n_texts) {
    std::vector<std::uint64_t> offsets(n_texts + 1);
    for (const Piece& piece : pieces) offsets[piece.text_number + 1] += piece.n_ids;
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    return offsets;
}

}  // namespace

Encoder::Encoder(EncoderTables tables, std::size_t cache_bytes)
    : pattern_(tables.pattern),
      scanner_(pattern_),
      tables_(merge_tables(tables)),
      decoder_(tables.tokens),
      specials_(special_texts(tables)),
      cache_bytes_(cache_bytes) {
    for (const SpecialToken& special : tables.specials) special_ids_.push_back(special.id);
}

Ids Encoder::encode(std::string_view text, EncodingOptions options, const Poll& poll) const {
    if (options.n_threads > 1 && text.size() > options.piece_size) {
        return encode_many({&text, 1}, options, poll).ids;
    }
    Ids ids = ids_with_room(id_width(), text.size());
    Checkpoint checkpoint(poll);
    auto worker = take_worker();
    append_encoded(text, options.allow_special, *worker, ids, checkpoint);
    keep_worker(std::move(worker));
    ids.shrink();
    return ids;
}

EncodedTexts Encoder::encode_many(std::span<const std::string_view> texts, EncodingOptions options,
                                  const Poll& poll) const {
    const std::size_t target = options.n_threads > 1 ? options.piece_size : whole;
    const SpecialTokens& specials = options.allow_special ? specials_ : no_specials_;
    std::vector<Piece> pieces = pieces_of(texts, pattern_, specials, target, poll);
    const std::vector<std::size_t> borders = task_borders(pieces, target);
    const std::size_t n_tasks = borders.size() - 1;
    std::vector<Ids> working;
    const std::size_t n_threads = std::clamp<std::size_t>(options.n_threads, 1, most_threads);
    for (std::size_t i = 0; i < n_threads; ++i) {
        working.emplace_back(id_width());
    }
    std::size_t n_bytes = 0;
    for (const Piece& piece : pieces) n_bytes += piece.text.size();
    // One task needs no copy: its ids are the result.
    const bool is_alone = n_tasks == 1;
    if (is_alone) working[0] = ids_with_room(id_width(), n_bytes);
    OrderedIds all(is_alone ? Ids(id_width()) : ids_with_room(id_width(), n_bytes), 2 * n_threads);
    run_tasks(
        n_tasks, n_threads, poll, [&](Worker number, std::size_t task, Checkpoint& checkpoint) {
            Ids& ids = working[number];
            auto worker = take_worker();
            for (std::size_t i = borders[task]; i < borders[task + 1]; ++i) {
                const std::size_t n_before = ids.size();
                append_encoded(pieces[i].text, options.allow_special, *worker, ids, checkpoint);
                pieces[i].n_ids = ids.size() - n_before;
            }
            keep_worker(std::move(worker));
            all.add(task, ids, checkpoint);
        });
    return {all.take(), offsets_of(pieces, texts.size())};
}

std::size_t Encoder::settled_size(std::string_view text, bool allow_special) const {
    return bpe::settled_size(text, pattern_, allow_special ? specials_ : no_specials_);
}

void Encoder::append_encoded(std::string_view text, bool allow_special, TextEncoder& worker,
                             Ids& ids, Checkpoint& checkpoint) const {
    for_each_segment(
        text, allow_special ? specials_ : no_specials_,
        [&](std::string_view segment) { worker.append(segment, ids, checkpoint); },
        [&](std::size_t number) { ids.push_back(special_ids_[number]); });
}

// A worker that ended in an exception is dropped, because its working memory may be half written.
std::unique_ptr<TextEncoder> Encoder::take_worker() const {
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto worker = std::move(idle_.back());
            idle_.pop_back();
            return worker;
        }
    }
    return make_text_encoder(id_width(), tables_, scanner_, cache_bytes_);
}

void Encoder::keep_worker(std::unique_ptr<TextEncoder> worker) const {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < most_idle_workers) idle_.push_back(std::move(worker));
}

}  // namespace paribus::bpe
