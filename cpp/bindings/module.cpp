// Converts types between Python and the BPE core, releases the GIL and translates exceptions;
// nothing else.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "bpe/encode/encoder.h"
#include "bpe/scan/scanner.h"
#include "bpe/train/trainer.h"
#include "bpe/zeroed_memory.h"

namespace nb = nanobind;
namespace bpe = paribus::bpe;

namespace {

// The bytes of an object with the buffer protocol. Construct and destroy it with the GIL held.
class Buffer {
  public:
    explicit Buffer(nb::handle object) {
        if (PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_SIMPLE) != 0) throw nb::python_error();
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { PyBuffer_Release(&buffer_); }

    std::string_view view() const {
        return {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
    }

  private:
    Py_buffer buffer_{};
};

std::string to_string(nb::handle object) { return std::string(Buffer(object).view()); }

std::vector<std::string> to_strings(const nb::list& objects) {
    std::vector<std::string> strings;
    for (const nb::handle object : objects) strings.push_back(to_string(object));
    return strings;
}

nb::bytes to_bytes(const std::string& bytes) { return nb::bytes(bytes.data(), bytes.size()); }

// A NumPy array that owns the values; they are not copied.
template <typename Value>
nb::object to_array(std::vector<Value> values) {
    auto owner = std::make_unique<std::vector<Value>>(std::move(values));
    Value* data = owner->data();
    const std::size_t size = owner->size();
    const nb::capsule capsule(owner.get(), [](void* pointer) noexcept {
        const std::unique_ptr<std::vector<Value>> deleted(
            static_cast<std::vector<Value>*>(pointer));
    });
    static_cast<void>(owner.release());
    return nb::cast(nb::ndarray<nb::numpy, Value, nb::ndim<1>>(data, {size}, capsule));
}

// A NumPy array of 16 or 32 bits that owns the ids; they are not copied.
nb::object to_array(bpe::Ids ids) {
    ids.reserve(1);  // a capsule cannot hold a null pointer
    const std::size_t size = ids.size(), width = ids.width();
    void* const data = ids.release();
    const nb::capsule owner(data, [](void* memory) noexcept { std::free(memory); });
    const auto array = [&]<typename StoredId>(StoredId* values) {
        return nb::cast(nb::ndarray<nb::numpy, StoredId, nb::ndim<1>>(values, {size}, owner));
    };
    return width == sizeof(std::uint16_t) ? array(static_cast<std::uint16_t*>(data))
                                          : array(static_cast<bpe::Id*>(data));
}

// Raises KeyboardInterrupt, or whatever else a signal handler raises. Called without the GIL.
void check_signals() {
    const nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

// Borrows `callback`, which outlives the call into the core.
bpe::Progress to_progress(const nb::object& callback) {
    const nb::handle borrowed = callback;
    return [borrowed](std::string_view stage, bpe::Count done, std::optional<bpe::Count> total) {
        check_signals();
        const nb::gil_scoped_acquire gil;
        if (!borrowed.is_none()) borrowed(nb::str(stage.data(), stage.size()), done, total);
    };
}

nb::object split(nb::handle text, const std::string& pattern_name) {
    const Buffer buffer(text);
    const bpe::Scanner scanner(bpe::pattern_named(pattern_name));
    std::vector<std::uint64_t> ends;
    {
        const nb::gil_scoped_release no_gil;
        bpe::Checkpoint checkpoint(check_signals);
        std::uint64_t end = 0;
        bpe::for_each_pretoken(buffer.view(), scanner, [&](std::string_view pretoken) {
            ends.push_back(end += pretoken.size());
            checkpoint.spend(pretoken.size());
        });
    }
    return to_array(std::move(ends));
}

void feed_all(bpe::Trainer& trainer, nb::handle blocks, const bpe::Progress& progress) {
    for (const nb::handle block : nb::iter(blocks)) {
        const Buffer buffer(block);
        const nb::gil_scoped_release no_gil;
        trainer.feed(buffer.view(), progress);
    }
}

bpe::TrainingResult finish(bpe::Trainer& trainer, const bpe::Progress& progress) {
    const nb::gil_scoped_release no_gil;
    return trainer.finish(progress);
}

// The number of bytes and the folder for counts that do not fit in them.
using MemoryBudget = std::tuple<std::size_t, std::string>;

std::optional<bpe::MemoryBudget> to_memory(const std::optional<MemoryBudget>& memory) {
    if (!memory) return std::nullopt;
    return bpe::MemoryBudget{.n_bytes = std::get<0>(*memory), .spill_folder = std::get<1>(*memory)};
}

nb::tuple train(nb::object blocks, const std::string& pattern, const nb::list& specials,
                bpe::Count n_merges, const std::array<bpe::Id, 256>& byte_ids,
                bpe::Id first_merge_id, const std::string& ties, std::size_t threads,
                std::optional<std::size_t> max_token_length,
                const std::optional<MemoryBudget>& memory, nb::object progress_callback) {
    bpe::Trainer trainer({
        .pattern = bpe::pattern_named(pattern),
        .specials = to_strings(specials),
        .n_merges = n_merges,
        .byte_ids = byte_ids,
        .first_merge_id = first_merge_id,
        .ties = bpe::ties_named(ties),
        .n_threads = threads,
        .max_token_length = max_token_length,
        .memory = to_memory(memory),
    });
    const bpe::Progress progress = to_progress(progress_callback);
    feed_all(trainer, blocks, progress);
    const bpe::TrainingResult result = finish(trainer, progress);
    nb::list merges;
    for (const auto& [left, right] : result.merges) {
        merges.append(nb::make_tuple(to_bytes(left), to_bytes(right)));
    }
    return nb::make_tuple(merges, result.n_distinct_pretokens, result.n_bytes, result.ran_out);
}

using MergeIds = std::tuple<bpe::Id, bpe::Id, bpe::Id>;

void make_encoder(bpe::Encoder* self, std::vector<bpe::Id> byte_ids,
                  const std::vector<MergeIds>& merges, const nb::list& specials,
                  const nb::list& tokens, const std::string& pattern) {
    bpe::EncoderTables tables;
    tables.byte_ids = std::move(byte_ids);
    for (const auto& [left, right, result] : merges) tables.merges.push_back({left, right, result});
    for (const nb::handle special : specials) {
        const auto [id, text] = nb::cast<std::tuple<bpe::Id, nb::bytes>>(special);
        tables.specials.push_back({id, to_string(text)});
    }
    tables.tokens = to_strings(tokens);
    tables.pattern = bpe::pattern_named(pattern);
    new (self) bpe::Encoder(std::move(tables));
}

// So few bytes are encoded before another thread could take over.
constexpr std::size_t longest_prompt = 1024;

nb::object encode(const bpe::Encoder& encoder, nb::handle text, bool allow_special,
                  std::size_t threads) {
    const Buffer buffer(text);
    std::optional<nb::gil_scoped_release> no_gil;
    if (buffer.view().size() > longest_prompt) no_gil.emplace();
    bpe::Ids ids = encoder.encode(
        buffer.view(), {.allow_special = allow_special, .n_threads = threads}, check_signals);
    no_gil.reset();
    return to_array(std::move(ids));
}

nb::tuple encode_many(const bpe::Encoder& encoder, const nb::list& texts, bool allow_special,
                      std::size_t threads) {
    std::vector<std::unique_ptr<Buffer>> buffers;
    std::vector<std::string_view> views;
    for (const nb::handle text : texts) {
        buffers.push_back(std::make_unique<Buffer>(text));
        views.push_back(buffers.back()->view());
    }
    bpe::EncodedTexts encoded = [&] {
        const nb::gil_scoped_release no_gil;
        return encoder.encode_many(views, {.allow_special = allow_special, .n_threads = threads},
                                   check_signals);
    }();
    return nb::make_tuple(to_array(std::move(encoded.ids)), to_array(std::move(encoded.offsets)));
}

std::size_t settled_length(const bpe::Encoder& encoder, nb::handle text, bool allow_special) {
    const Buffer buffer(text);
    const nb::gil_scoped_release no_gil;
    return encoder.settled_size(buffer.view(), allow_special);
}

template <typename Integer>
nb::object decode_span(const bpe::Decoder& decoder, std::span<const Integer> ids) {
    std::optional<nb::gil_scoped_release> no_gil;
    if (ids.size() > longest_prompt) no_gil.emplace();
    const std::size_t size = decoder.n_bytes(ids);
    no_gil.reset();
    // Python cannot adopt our memory as bytes, so the core writes into a new bytes object.
    nb::object bytes = nb::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
    if (!bytes.is_valid()) throw nb::python_error();
    char* const memory = PyBytes_AsString(bytes.ptr());
    bpe::ask_for_big_pages(memory, size);
    if (ids.size() > longest_prompt) no_gil.emplace();
    decoder.write(ids, {memory, size});
    no_gil.reset();
    return bytes;
}

template <typename Integer>
using IdArray = nb::ndarray<const Integer, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <typename Integer>
nb::object decode(const bpe::Encoder& encoder, const IdArray<Integer>& ids) {
    return decode_span(encoder.decoder(), std::span<const Integer>{ids.data(), ids.size()});
}

// Raises TypeError for an item that is not an int of 32 bits.
nb::object decode_list(const bpe::Encoder& encoder, const nb::list& items) {
    std::vector<bpe::Id> ids;
    ids.reserve(items.size());
    bpe::ask_for_big_pages(ids.data(), items.size() * sizeof(bpe::Id));
    for (const nb::handle item : items) {
        if (!PyLong_CheckExact(item.ptr())) throw nb::type_error("ids: expected a list of int");
        const long id = PyLong_AsLong(item.ptr());
        if (id == -1 && PyErr_Occurred() != nullptr) throw nb::python_error();
        if (!std::in_range<bpe::Id>(id))
            nb::raise_type_error("ids: expected a list of ids, found %ld", id);
        ids.push_back(static_cast<bpe::Id>(id));
    }
    return decode_span(encoder.decoder(), std::span<const bpe::Id>{ids});
}

}  // namespace

NB_MODULE(_core, module) {
    // Python does not free every object at exit, and nanobind would report those as leaks: torch
    // keeps an exception that passed through a backward pass, with the frames of its traceback and
    // the Encoder in them; so does a daemon thread, or a callback of the garbage collector. Such a
    // report would follow the one line of an error. tests/core/test_leaks.py turns the report on
    // to find leaks of our own.
    nb::set_leak_warnings(false);
    module.def("set_leak_warnings", &nb::set_leak_warnings, nb::arg("enabled"),
               "Report objects of this module that are still alive at exit, or not.");
    module.doc() = "Byte-level BPE: split, train, encode, decode.";
    nb::exception<bpe::Error>(module, "CoreError").doc() =
        "Inconsistent data: where, what was expected, and what was found.";
    nb::exception<bpe::MemoryLimit>(module, "MemoryLimit");
    nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
        try {
            std::rethrow_exception(pointer);
        } catch (const std::system_error& error) {
            errno = error.code().value();
            PyErr_SetFromErrno(PyExc_OSError);
        }
    });

    module.def("split", &split, nb::arg("text"), nb::arg("pattern"),
               "The end offsets of the pretokens of a bytes-like text.");
    module.def(
        "train", &train, nb::arg("blocks"), nb::kw_only(), nb::arg("pattern"), nb::arg("specials"),
        nb::arg("n_merges"), nb::arg("byte_ids"), nb::arg("first_merge_id"), nb::arg("ties"),
        nb::arg("threads"), nb::arg("max_token_length") = nb::none(),
        nb::arg("memory") = nb::none(), nb::arg("progress").none() = nb::none(),
        "Learns merges from blocks of one text: (merges, number of distinct pretokens, number of "
        "bytes, whether the pairs ran out). `memory` is a limit in bytes and a folder for counts "
        "that do not fit in it; MemoryLimit is raised with the number of bytes that would.");

    nb::class_<bpe::Encoder>(module, "Encoder", "Encodes text to ids and decodes ids.")
        .def("__init__", &make_encoder, nb::arg("byte_ids"), nb::arg("merges"), nb::arg("specials"),
             nb::arg("tokens"), nb::arg("pattern"))
        .def("encode", &encode, nb::arg("text"), nb::arg("allow_special"), nb::arg("threads"),
             "The ids of a bytes-like text.")
        .def("encode_many", &encode_many, nb::arg("texts"), nb::arg("allow_special"),
             nb::arg("threads"),
             "The ids of all texts, concatenated, and the offset of each text, with the end.")
        .def("settled_length", &settled_length, nb::arg("text"), nb::arg("allow_special"),
             "The number of leading bytes whose ids stay the same whatever follows the text.")
        .def("decode", &decode_list, nb::arg("ids").noconvert(), "The bytes of the ids.")
        .def("decode", &decode<std::uint16_t>, nb::arg("ids").noconvert())
        .def("decode", &decode<std::uint32_t>, nb::arg("ids").noconvert())
        .def("decode", &decode<std::int64_t>, nb::arg("ids").noconvert())
        .def("decode", &decode<std::int32_t>, nb::arg("ids").noconvert());
}
