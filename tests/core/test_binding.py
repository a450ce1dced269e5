"""What the extension module adds to the algorithms: types in and out, errors, threads, Ctrl-C."""

import signal
import threading
import time

import numpy as np
import pytest

core = pytest.importorskip("paribus._core", reason="installed without the C++ core")

BYTE_IDS = list(range(256))


def train(blocks, **changes):
    options = {
        "pattern": "gpt2",
        "specials": [b"<|endoftext|>"],
        "n_merges": 3,
        "byte_ids": BYTE_IDS,
        "first_merge_id": 257,
        "ties": "cs336",
        "threads": 1,
    }
    return core.train(blocks, **options | changes)


def encoder(merges=((97, 97, 256),), specials=((257, b"<|s|>"),), pattern="gpt2"):
    tokens = [*(bytes([byte]) for byte in BYTE_IDS), b"aa", b"<|s|>", b""]
    return core.Encoder(BYTE_IDS, list(merges), list(specials), tokens, pattern)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, np.frombuffer])
def test_text_is_any_contiguous_buffer(kind):
    text = kind(b"aaa <|s|>") if kind is not np.frombuffer else np.frombuffer(b"aaa <|s|>", "u1")
    assert core.split(text, "gpt2").tolist() == [3, 6, 7, 9]
    assert encoder().encode(text, True, 1).tolist() == [256, 97, 32, 257]
    assert train([text], n_merges=0)[2] == 9


@pytest.mark.parametrize("text", ["a str", None, 3, memoryview(b"abcd")[::2]])
def test_other_text_is_refused(text):
    with pytest.raises((TypeError, BufferError)):
        core.split(text, "gpt2")
    with pytest.raises((TypeError, BufferError)):
        encoder().encode(text, False, 1)
    with pytest.raises((TypeError, BufferError)):
        train([text])


def test_ids_and_ends_are_arrays_of_their_own():
    ids, offsets = encoder().encode_many([b"aab", b"", b"aa"], False, 2)
    assert (ids.dtype, offsets.dtype) == (np.uint16, np.uint64)
    assert (ids.tolist(), offsets.tolist()) == ([256, 98, 256], [0, 2, 2, 3])
    ids[0] = 7  # writable, and no view of anything in the core
    assert encoder().encode(b"", False, 1).tolist() == []
    assert core.split(b"", "gpt2").dtype == np.uint64


def test_training_returns_merges_and_counts():
    merges, n_distinct, n_bytes, ran_out = train(iter([b"low lo", b"w<|endoftext|>low"]))
    assert merges == [(b"o", b"w"), (b"l", b"ow"), (b" ", b"low")]
    assert (n_distinct, n_bytes, ran_out) == (2, 23, False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: core.split(b"", "gpt3"), "pattern: expected gpt2, .*, found gpt3"),
        (lambda: train([], ties="x"), "ties: expected cs336 or hf, found x"),
        (lambda: train([], specials=[b""]), "special token 0: expected some text"),
        (lambda: train([], n_merges=2**32), "number of merges: expected ids below"),
        (lambda: encoder([(97, 98, 256)]), "merge 0: expected the bytes of both parts"),
        (lambda: encoder([(97, 258, 256)]), "merge 0: expected an id of the vocabulary"),
        (lambda: encoder(specials=[(999, b"x")]), "expected an id of the vocabulary"),
        (
            lambda: encoder().decode(np.array([97, 4_000_000_000], np.uint32)),
            "position 1: expected an id of the vocabulary, below 259, found id 4000000000",
        ),
        (lambda: encoder().decode(np.array([258], np.uint32)), "position 0: .*found id 258"),
    ],
)
def test_contradicting_data_raises_core_error(call, message):
    with pytest.raises(core.CoreError, match=message):
        call()


@pytest.mark.parametrize("dtype", ["int16", "uint64", "float32", "bool"])
def test_ids_of_another_type_are_refused_not_wrapped(dtype):
    with pytest.raises(TypeError):
        encoder().decode(np.array([97], dtype))


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int32", "int64"])
@pytest.mark.parametrize("n_ids", [0, 3, 5000])
def test_decode_reads_integers_as_they_lie(dtype, n_ids):
    ids = np.resize(np.array([256, 257, 97], dtype), n_ids)
    ids.flags.writeable = False
    text = (b"aa<|s|>a" * n_ids)[: n_ids // 3 * 8] + [b"", b"aa", b"aa<|s|>"][n_ids % 3]
    assert encoder().decode(ids) == encoder().decode(ids.tolist()) == text


@pytest.mark.parametrize("unknown", [-1, 258, 2**63 - 1, -(2**63)])
def test_an_id_outside_is_named_with_its_position(unknown):
    with pytest.raises(core.CoreError, match=rf"position 1: .*below 259, found id {unknown}$"):
        encoder().decode(np.array([97, unknown], np.int64))


@pytest.mark.parametrize("item", [True, 0.5, "a", None, -1, 2**32, 2**63])
def test_a_list_of_anything_but_ids_is_refused(item):
    with pytest.raises((TypeError, OverflowError)):
        encoder().decode([97, item])


def test_an_error_of_the_blocks_or_of_the_progress_comes_through():
    def broken():
        yield b"a b"
        raise ZeroDivisionError

    def stop(stage, done, total):
        raise LookupError(stage)

    with pytest.raises(ZeroDivisionError):
        train(broken())
    with pytest.raises(LookupError, match="merge"):
        train([b"aa aa"], progress=stop)


def test_progress_is_told_of_each_stage_in_order():
    told = []
    train([b"ab " * 4_000_000], n_merges=2, progress=lambda *report: told.append(report))
    stages = [stage for stage, _, _ in told]
    assert stages == sorted(stages) and set(stages) == {"count", "merge"}
    assert told[-1] == ("merge", 2, 2)


def test_many_python_threads_share_one_encoder_without_the_gil():
    shared, text = encoder(), b"aaab <|s|> baaa \xff" * 20_000
    expected = shared.encode(text, True, 1)
    found = [None] * 8

    def work(i):
        found[i] = shared.encode(text, True, 1 + i % 3)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(ids, expected) for ids in found)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no setitimer")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("action", ["encode", "split", "train"])
def test_a_signal_stops_long_work_within_a_second(action, threads):
    letters = np.random.default_rng(0).integers(97, 123, 40_000_000, np.uint8)
    work = {
        "encode": lambda: encoder(pattern="none").encode(letters, False, threads),
        "split": lambda: [core.split(letters, "o200k") for _ in range(100)],
        "train": lambda: train([letters], n_merges=20_000, pattern="none", threads=threads),
    }[action]
    struck = []

    def strike(number, frame):
        struck.append(time.perf_counter())
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, strike)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(InterruptedError):
            work()
        assert time.perf_counter() - struck[0] < 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
