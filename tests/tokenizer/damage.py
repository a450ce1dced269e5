"""Damaged copies of good tokenizer files, the same for the same seed."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

# fmt: off
ODD_VALUES = [
    None, True, False, -1, 0, 1, 7, 255, 256, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63,
    (1 << 64) - 1, 10**400, 0.5, -0.0, 1e308, "", " ", "a", "a b", "a b c", "Ġ", "中", "\ud800",
    "\0", "<|endoftext|>", "x" * 5000, [], [[]], ["a"], ["a", "b"], {}, {"type": "BPE"},
]
ODD_BYTES = [
    b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\n", b"\n\n", b" ", b"\t", b"\"", b"\\",
    b"\\ud800", b"{", b"}", b"[", b"]", b",", b":", b"-1", b"1e999", b"NaN", b"Infinity", b"0x1",
    b"99999999999999999999", b"null", b"[" * 2000, b"=" * 9, b"#version: 0.2\n", b"YQ== 97\n", b"a b\n",
]
# fmt: on


def damaged(data: bytes, random: Random) -> bytes:
    """`data` with one to three changes: of bytes, of lines, or of one value of its JSON."""
    for _ in range(random.choice((1, 1, 2, 3))):
        data = random.choice(_CHANGES)(data, random)
    return data


def cuts_and_flips(data: bytes) -> Iterator[bytes]:
    """Cut short at the places that matter, one byte too many, single bits of the first bytes."""
    for length in {0, 1, 2, 7, 8, len(data) // 2, len(data) - 3, len(data) - 2}:
        yield data[:length]
    yield data + b"\0"
    yield data + data
    for place in range(min(24, len(data))):
        yield data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def _flip(data: bytes, random: Random) -> bytes:
    changed = bytearray(data or b"\0")
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _drop(data: bytes, random: Random) -> bytes:
    begin = random.randrange(len(data) + 1)
    return data[:begin] + data[begin + random.choice((1, 2, 40)) :]


def _insert(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.choice(ODD_BYTES) + data[place:]


def _move_lines(data: bytes, random: Random) -> bytes:
    """Swaps, repeats or drops lines."""
    lines = data.split(b"\n")
    a, b = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(3):
        case 0:
            lines[a], lines[b] = lines[b], lines[a]
        case 1:
            lines.insert(a, lines[b])
        case _:
            del lines[a]
    return b"\n".join(lines)


def _change_value(data: bytes, random: Random) -> bytes:
    """Replaces, drops, doubles or swaps one value anywhere in the JSON."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return _insert(data, random)
    parents = list(_containers(content))
    if not parents:
        return _insert(data, random)
    # Small containers as often as the vocabulary of all tokens.
    parent = random.choice(parents[: 2 + random.randrange(len(parents))])
    key, other = (random.choice(_keys(parent)) for _ in range(2))
    match random.randrange(4):
        case 0 | 1:
            parent[key] = random.choice(ODD_VALUES)
        case 2:
            del parent[key]
        case _:
            parent[key], parent[other] = parent[other], parent[key]
    return json.dumps(content).encode()


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list) and value:
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _containers(item)


def _keys(container: Any) -> list[Any]:
    return list(container) if isinstance(container, dict) else list(range(len(container)))


_CHANGES: list[Callable[[bytes, Random], bytes]] = [
    _flip,
    _cut,
    _drop,
    _insert,
    _move_lines,
    _change_value,
    _change_value,
]
