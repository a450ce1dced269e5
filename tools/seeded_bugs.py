"""Check that the fuzzers and the C++ tests catch bugs that are planted in a copy of the core.

    uv run --only-group cpp python tools/seeded_bugs.py [PART OF A NAME ...]

Each bug is one small edit of the core. The fuzzers get 48 s in all, then the C++ tests run. Prints
what caught each bug and after how long; exits with 1 if a bug survived.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FUZZERS = ("trainer", "encoder", "scanner", "decoder")
SECONDS = 12
"""Running time of each fuzzer."""


class Bug(NamedTuple):
    """An edit: `right` occurs once in a file of the core, and `wrong` replaces it."""

    name: str
    file: str
    right: str
    wrong: str


BUGS = [
    Bug("tie-break of cs336", "token_list.cpp", "value << 8 |", "value |"),
    Bug("tie-break of hf", "token_list.cpp", "? ~std::uint64_t{id} :", "? std::uint64_t{id} :"),
    Bug("stale bound", "merge_learner.cpp", "if (count == pair.bound)", "if (count != 0)"),
    Bug(
        "token length limit off by one",
        "merge_learner.cpp",
        "neighbour_length > longest_token_) return",
        "neighbour_length >= longest_token_) return",
    ),
    Bug(
        "a token beside itself not told",
        "merge_learner.cpp",
        "if (side == Side::left && neighbour == merged) return;",
        "if (neighbour == merged) return;",
    ),
    Bug(
        "table grown under its lines",
        "word_counts.cpp",
        "if (short_words_.is_current(lines))",
        "if (true)",
    ),
    Bug(
        "lines kept when the table grew",
        "text_encoder.cpp",
        "if (!cache_.is_fresh())",
        "if (false)",
    ),
    Bug("cut before an apostrophe", "cuts.cpp", "return text[at] != '\\'';", "return true;"),
    Bug(
        "cut inside a special token",
        "cuts.cpp",
        "std::max(begin + target, segment + 1)",
        "begin + target",
    ),
    Bug(
        "cut between number and number",
        "cuts.cpp",
        "after == CharClass::number : contains",
        "after == CharClass::number : !contains",
    ),
    Bug(
        "half a character before a cut",
        "unicode.cpp",
        "found.n_bytes == n_bytes ? found",
        "true ? found",
    ),
    Bug("lead bytes 0xF5 to 0xFF", "unicode.h", "lead >= 0xF0 && lead <= 0xF4", "lead >= 0xF0"),
    Bug(
        "overlong sequence",
        "unicode.h",
        "n_bytes == 3 && (code_point < 0x800",
        "n_bytes == 3 && (code_point < 0x700",
    ),
    Bug(
        "shortest special token first",
        "special_tokens.cpp",
        "texts_[a].size() > texts_[b].size()",
        "texts_[a].size() < texts_[b].size()",
    ),
    Bug("stale pair of a short word", "short_merge.cpp", "keys_[right] = no_pair;", ""),
    Bug(
        "stale neighbour of a short word",
        "short_merge.cpp",
        "previous_[after] = static_cast<std::uint8_t>(at);",
        "",
    ),
    Bug(
        "lower rank not waited for",
        "word_merger.cpp",
        "if (queue_.lowest() >= rank) continue;",
        "continue;",
    ),
    Bug("first position forgotten", "word_merger.cpp", "if (position > 0)", "if (position > 1)"),
    Bug(
        "part ends where a merge crosses",
        "word_merger.cpp",
        "tables_->can_join(word[begin - 1], word[begin])",
        "tables_->can_join(word[begin], word[begin - 1])",
    ),
    Bug(
        "positions out of order",
        "bucket_queue.h",
        "if (!std::is_sorted(positions.begin(), positions.end()))",
        "if (positions.empty())",
    ),
    Bug(
        "missing bound of a row",
        "token_row.h",
        "return after < ids_.size() && ids_[after] == right;",
        "return ids_[after] == right;",
    ),
    Bug("last rule of a pair counts", "merge_rules.cpp", "if (slot.rank == absent) slot", "slot"),
    Bug(
        "tag too short",
        "merge_rules.h",
        "is_narrow_ ? left << 16 | right",
        "is_narrow_ ? left << 4 | right",
    ),
    Bug(
        "last rank of two bytes",
        "merge_tables.cpp",
        "first = std::min(first, rank);",
        "first = rank;",
    ),
    Bug(
        "window joined without a look",
        "word_merger.cpp",
        "return alone_.size() == 2 && alone_[0] == left && alone_[1] == right;",
        "return true;",
    ),
    Bug(
        "windows where ranks fall",
        "merge_tables.cpp",
        "if (first_use[rules[rank].result] < rank) return false;",
        "",
    ),
    Bug("uint16 wrap", "encoder.h", "n_tokens() <= most_narrow", "n_tokens() <= 2 * most_narrow"),
    Bug("one id too many", "encoder.cpp", "id < tokens.size() && !", "id <= tokens.size() && !"),
    Bug(
        "id without meaning decoded", "decoder.cpp", "if (length == 0)", "if (id >= spans_.size())"
    ),
    Bug("ids of a slow task last", "ordered_ids.h", "if (task != next_)", "if (false)"),
    Bug(
        "offsets of texts",
        "encoder.cpp",
        "pieces[i].n_ids = ids.size() - n_before;",
        "pieces[i].n_ids = ids.size();",
    ),
    Bug(
        "piece joined over another",
        "ids.cpp",
        "static_cast<char*>(memory_.get()) + size_ * width_",
        "static_cast<char*>(memory_.get()) + size_",
    ),
    Bug(
        "memory not zeroed",
        "zeroed_memory.cpp",
        "std::memset(::operator new(n_bytes, std::align_val_t{cache_line}), 0, n_bytes)",
        "::operator new(n_bytes, std::align_val_t{cache_line})",
    ),
]


def seeded(bug: Bug, tree: Path) -> tuple[Path, str]:
    """Plant the bug in the copy; returns the file and its original text."""
    (path,) = (tree / "cpp/bpe").rglob(bug.file)
    text = path.read_text(encoding="utf-8")
    if text.count(bug.right) != 1:
        sys.exit(f"{bug.file}: expected {bug.right!r} once, found it {text.count(bug.right)} times")
    path.write_text(text.replace(bug.right, bug.wrong), encoding="utf-8")
    return path, text


def finder(tree: Path) -> str | None:
    """What catches the bug: a fuzzer that a signal stops, or the C++ tests."""
    for name in FUZZERS:
        fuzzer = f"fuzz/fuzz_{name}"
        status = _build_and_run(tree, "address", fuzzer, f"-max_total_time={SECONDS}")
        if status is None or status < 0:
            return f"fuzz_{name}"
    return "bpe_tests" if _build_and_run(tree, "plain", "tests/bpe_tests") != 0 else None


def _build_and_run(tree: Path, preset: str, program: str, *arguments: str) -> int | None:
    """The exit status, or None if the program does not end."""
    build = ["cmake", "--build", "--preset", preset, "--target", Path(program).name]
    subprocess.run(build, cwd=tree, check=True, capture_output=True, timeout=900)
    try:
        command = [tree / "build" / preset / "cpp" / program, *arguments]
        return subprocess.run(command, cwd=tree, capture_output=True, timeout=60).returncode
    except subprocess.TimeoutExpired:
        return None


def copied(tree: Path) -> Path:
    """A copy of the core, configured. Warnings are off: a warning about a bug must not count."""
    shutil.copytree(ROOT / "cpp", tree / "cpp")
    for name in ("CMakeLists.txt", "CMakePresets.json"):
        shutil.copy2(ROOT / name, tree)
    for preset in ("address", "plain"):
        configure = ["cmake", "--preset", preset, "-DPARIBUS_WARNINGS=OFF", "-DPARIBUS_PYTHON=OFF"]
        subprocess.run(configure, cwd=tree, check=True, capture_output=True)
    return tree


def main() -> None:
    # Headers come last, because every file that includes one is compiled again.
    ordered = sorted(BUGS, key=lambda bug: bug.file.endswith(".h"))
    parts = sys.argv[1:] or [""]
    chosen = [bug for bug in ordered if any(part in bug.name for part in parts)]
    survivors: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(Path(folder))
        for bug in chosen:
            path, text = seeded(bug, tree)
            began = time.monotonic()
            found = finder(tree)
            seconds = time.monotonic() - began
            path.write_text(text, encoding="utf-8")
            print(f"{bug.name}: {found or 'SURVIVED'} ({seconds:.0f} s with the build)", flush=True)
            survivors += [] if found else [bug.name]
    print(f"{len(chosen)} bugs planted, {len(chosen) - len(survivors)} caught")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
