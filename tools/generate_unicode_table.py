"""Write the table of character classes that the C++ core and the Python reference share.

Run it from the repository's root: `uv run python tools/generate_unicode_table.py`. It asks
the pinned tiktoken about every code point, so the table is exactly what tiktoken matches. Code
points that its Unicode version does not assign, and all that are neither letter, mark, number nor
white space, have the class `other`.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import tiktoken

CLASSES = {
    "other": "",
    "white_space": r"\s",
    "number": r"\p{N}",
    "mark": r"\p{M}",
    "uppercase": r"\p{Lu}",
    "lowercase": r"\p{Ll}",
    "titlecase": r"\p{Lt}",
    "modifier": r"\p{Lm}",
    "other_letter": r"\p{Lo}",
}
"""Each class with the pattern that matches it in tiktoken; a class is numbered by its place."""

CPP_FILE = Path("cpp/bpe/scan/unicode_table.inc")
PYTHON_FILE = Path("src/paribus/tokenizer/unicode_table.py")
N_CODE_POINTS = 0x110000
BLOCK = 128


def main() -> None:
    """Write both files."""
    version, classes = unicode_version(), classes_of_all_code_points()
    CPP_FILE.write_text(cpp_table(version, classes), encoding="utf-8")
    PYTHON_FILE.write_text(python_table(version, classes), encoding="utf-8")


def unicode_version() -> str:
    """The newest Unicode version whose code points tiktoken's patterns know."""
    known = "15.0"
    for version in ("15.1", "16.0", "17.0", "18.0", "19.0"):
        try:
            matched_text(rf"\p{{Age={version}}}", "a")
        except ValueError:
            return known
        known = version
    raise ValueError(f"tiktoken knows Unicode {known} and perhaps a newer one: extend this list")


def classes_of_all_code_points() -> bytearray:
    """The number of the class of each code point from 0 to 0x10FFFF."""
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, N_CODE_POINTS)]))
    classes = bytearray(N_CODE_POINTS)
    for number, (name, pattern) in enumerate(CLASSES.items()):
        for character in matched_text(pattern, text) if pattern else "":
            assert classes[ord(character)] == 0, f"{character!r} is {name} and something else"
            classes[ord(character)] = number
    return classes


def matched_text(pattern: str, text: str) -> str:
    """What `pattern` matches in `text`: tiktoken drops the rest."""
    byte_ranks = {bytes([byte]): byte for byte in range(256)}
    encoding = tiktoken.Encoding(
        "probe", pat_str=pattern, mergeable_ranks=byte_ranks, special_tokens={}
    )
    return encoding.decode_bytes(encoding.encode_ordinary(text)).decode("utf-8")


def ranges(classes: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """The runs of equal class as (first, last, class), without those of class `other`."""
    for number, run in groupby(enumerate(classes), key=lambda entry: entry[1]):
        first, *rest = (code_point for code_point, _ in run)
        if number:
            yield first, rest[-1] if rest else first, number


def python_table(version: str, classes: bytearray) -> str:
    """The Python module: the ranges of each class as text."""
    lines = [
        f'"""The character classes of Unicode {version} as ranges of code points.',
        "",
        "Written by tools/generate_unicode_table.py: do not edit.",
        '"""',
        "",
        f'UNICODE_VERSION = "{version}"',
        "",
        "RANGES = {",
    ]
    for number, name in enumerate(CLASSES):
        if number:
            items = [_hex_range(a, b) for a, b, n in ranges(classes) if n == number]
            lines += [f'    "{name}": """', *_wrapped(items, " "), '""",']
    lines += [
        "}",
        '"""Hexadecimal `first-last` or `only`; what is in no range is of class `other`."""',
        "",
    ]
    return "\n".join(lines)


def cpp_table(version: str, classes: bytearray) -> str:
    """The C++ fragment: a table of two stages, blocks of 128 code points stored once each."""
    blocks = [bytes(classes[at : at + BLOCK]) for at in range(0, N_CODE_POINTS, BLOCK)]
    distinct = list(dict.fromkeys(blocks))
    number_of = {block: number for number, block in enumerate(distinct)}
    assert len(distinct) <= 256, f"{len(distinct)} blocks do not fit std::uint8_t"
    names = ", ".join(f"{number} {name}" for number, name in enumerate(CLASSES))
    lines = [
        f"// The class of each code point of Unicode {version}. Written by",
        "// tools/generate_unicode_table.py: do not edit.",
        f"// {names}",
        f"// class of c = unicode_block_classes[unicode_block_of[c / {BLOCK}]][c % {BLOCK}]",
        "// clang-format off",
        f'inline constexpr char unicode_version[] = "{version}";',
        f"inline constexpr std::uint8_t unicode_block_of[{len(blocks)}] = {{",
        *_wrapped([str(number_of[block]) for block in blocks], ","),
        "};",
        f"inline constexpr std::uint8_t unicode_block_classes[{len(distinct)}][{BLOCK}] = {{",
        *(line for block in distinct for line in ["{", *_wrapped(map(str, block), ","), "},"]),
        "};",
        "// clang-format on",
        "",
    ]
    return "\n".join(lines)


def _hex_range(first: int, last: int) -> str:
    return f"{first:X}" if first == last else f"{first:X}-{last:X}"


def _wrapped(items: Iterable[str], separator: str) -> Iterator[str]:
    line = ""
    for item in items:
        if line and len(line) + len(item) + 1 > 96:
            yield line.rstrip()
            line = ""
        line += item + separator
    yield line.rstrip()


if __name__ == "__main__":
    main()
