// Conversions between Python and the BPE core; nothing else.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "bpe/encoder.h"
#include "bpe/pretokenizer.h"
#include "bpe/segments.h"
#include "bpe/trainer.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <typename T>
using Array = nb::ndarray<nb::numpy, T, nb::ndim<1>>;
using Ids = nb::ndarray<const std::uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using SpecialList = std::vector<std::pair<bpe::TokenId, nb::bytes>>;

std::string_view view(const nb::bytes& bytes) { return {bytes.c_str(), bytes.size()}; }

nb::bytes to_bytes(const std::string& text) { return nb::bytes(text.data(), text.size()); }

template <typename T>
Array<T> to_array(std::vector<T> values) {
    auto owner = std::make_unique<std::vector<T>>(std::move(values));
    T* data = owner->data();
    const std::size_t size = owner->size();
    nb::capsule capsule(
        owner.get(), [](void* pointer) noexcept { delete static_cast<std::vector<T>*>(pointer); });
    owner.release();
    return Array<T>(data, {size}, capsule);
}

bpe::SpecialTokens to_specials(const SpecialList& specials) {
    std::vector<std::pair<bpe::TokenId, std::string>> tokens;
    for (const auto& [id, text] : specials) tokens.emplace_back(id, view(text));
    return bpe::SpecialTokens(std::move(tokens));
}

std::array<bpe::TokenId, 256> to_byte_ids(const std::vector<bpe::TokenId>& ids) {
    if (ids.size() != 256)
        throw bpe::Error("byte_ids: expected 256 ids, found " + std::to_string(ids.size()));
    std::array<bpe::TokenId, 256> array;
    std::copy(ids.begin(), ids.end(), array.begin());
    return array;
}

// The number of threads that is meant: 0 is one for each core.
std::size_t n_threads_of(std::size_t threads) {
    return threads > 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
}

// Lets Ctrl-C through, on the thread that holds no GIL at the moment.
void check_signals() {
    const nb::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

Array<std::uint64_t> split(const nb::bytes& text, const std::string& pattern_name) {
    const bpe::Pattern pattern = bpe::pattern_of(pattern_name);
    const std::string_view all = view(text);
    std::vector<std::uint64_t> ends;
    {
        const nb::gil_scoped_release release;
        for (std::size_t at = 0; at < all.size();) {
            at = bpe::pretoken_end(pattern, all, at);
            ends.push_back(at);
        }
    }
    return to_array(std::move(ends));
}

nb::tuple train(nb::iterable blocks, const std::string& pattern,
                const std::vector<nb::bytes>& specials, std::uint64_t n_merges,
                const std::vector<bpe::TokenId>& byte_ids, bpe::TokenId first_merge_id,
                const std::string& ties, std::size_t threads, std::uint64_t max_token_length,
                const nb::object& progress) {
    const bpe::TrainingSettings settings{to_byte_ids(byte_ids), first_merge_id, n_merges,
                                         bpe::ties_of(ties), max_token_length};
    std::vector<std::pair<bpe::TokenId, std::string>> tokens;
    for (const nb::bytes& text : specials) tokens.emplace_back(0, view(text));
    bpe::WordCounter counter(bpe::pattern_of(pattern), bpe::SpecialTokens(std::move(tokens)),
                             n_threads_of(threads));
    const auto report = [&](const char* stage, std::uint64_t done, std::uint64_t total) {
        const nb::gil_scoped_acquire acquire;
        if (PyErr_CheckSignals() != 0) throw nb::python_error();
        if (!progress.is_none()) progress(stage, done, total);
    };
    for (nb::handle item : blocks) {
        const nb::bytes block = nb::cast<nb::bytes>(item);
        const nb::gil_scoped_release release;
        counter.add(view(block), check_signals);
        report("count", counter.n_bytes(), 0);
    }
    bpe::TrainingResult result;
    std::size_t n_words = 0;
    {
        const nb::gil_scoped_release release;
        const bpe::WordTable words = counter.finish(check_signals);
        n_words = words.entries().size();
        result = bpe::learn_merges(words, settings,
                                   [&](std::uint64_t n_new) { report("merge", n_new, n_merges); });
    }
    nb::list merges;
    for (const auto& [left, right] : result.merges) {
        merges.append(nb::make_tuple(to_bytes(left), to_bytes(right)));
    }
    return nb::make_tuple(merges, n_words, counter.n_bytes(), result.ran_out);
}

std::unique_ptr<bpe::Encoder> make_encoder(
    const std::vector<bpe::TokenId>& byte_ids,
    const std::vector<std::tuple<bpe::TokenId, bpe::TokenId, bpe::TokenId>>& merges,
    const SpecialList& specials, const std::vector<nb::bytes>& tokens, const std::string& pattern) {
    std::vector<bpe::IdMerge> id_merges;
    id_merges.reserve(merges.size());
    for (const auto& [left, right, result] : merges) id_merges.push_back({left, right, result});
    std::vector<std::string> token_bytes;
    token_bytes.reserve(tokens.size());
    for (const nb::bytes& token : tokens) token_bytes.emplace_back(view(token));
    return std::make_unique<bpe::Encoder>(to_byte_ids(byte_ids), id_merges, to_specials(specials),
                                          std::move(token_bytes), bpe::pattern_of(pattern));
}

Array<std::uint32_t> encode(const bpe::Encoder& encoder, const nb::bytes& text, bool allow_special,
                            std::size_t threads) {
    std::vector<bpe::TokenId> ids;
    {
        const std::string_view all = view(text);
        const nb::gil_scoped_release release;
        ids = encoder.encode(all, allow_special, n_threads_of(threads), check_signals);
    }
    return to_array(std::move(ids));
}

nb::tuple encode_many(const bpe::Encoder& encoder, const std::vector<nb::bytes>& texts,
                      bool allow_special, std::size_t threads) {
    std::vector<std::string_view> views;
    views.reserve(texts.size());
    for (const nb::bytes& text : texts) views.push_back(view(text));
    std::pair<std::vector<bpe::TokenId>, std::vector<std::uint64_t>> result;
    {
        const nb::gil_scoped_release release;
        result = encoder.encode_many(views, allow_special, n_threads_of(threads), check_signals);
    }
    return nb::make_tuple(to_array(std::move(result.first)), to_array(std::move(result.second)));
}

nb::bytes decode(const bpe::Encoder& encoder, const Ids& ids) {
    std::string text;
    {
        const nb::gil_scoped_release release;
        text = encoder.decode(std::span(ids.data(), ids.size()));
    }
    return to_bytes(text);
}

}  // namespace

NB_MODULE(_core, module) {
    module.doc() = "BPE core: splitting, training, encoding and decoding of bytes.";
    nb::exception<bpe::Error>(module, "CoreError", PyExc_ValueError);
    module.def("split", &split, "text"_a, "pattern"_a, "End offsets of the pretokens of `text`.");
    module.def(
        "train", &train, "blocks"_a, "pattern"_a, "specials"_a, "n_merges"_a, "byte_ids"_a,
        "first_merge_id"_a, "ties"_a, "threads"_a, "max_token_length"_a, "progress"_a = nb::none(),
        "Merges of one text in blocks: (merges, distinct pretokens, bytes, ran out of pairs).");
    nb::class_<bpe::Encoder>(module, "Encoder")
        .def(nb::new_(&make_encoder), "byte_ids"_a, "merges"_a, "specials"_a, "tokens"_a,
             "pattern"_a)
        .def("encode", &encode, "text"_a, "allow_special"_a, "threads"_a)
        .def("encode_many", &encode_many, "texts"_a, "allow_special"_a, "threads"_a)
        .def("decode", &decode, "ids"_a);
}
