"""The project's own Python source, parsed: what the tests of its rules look at."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "paribus"


@dataclass(frozen=True)
class Source:
    """One file: where it lies and what it says."""

    name: str
    """Relative to the package (`data/npy.py`), or to the repository outside of it."""
    text: str
    tree: ast.Module = field(compare=False)

    @classmethod
    def parsed(cls, name: str, text: str) -> "Source":
        return cls(name, text, ast.parse(text))

    @property
    def module(self) -> str:
        """The dotted name: `paribus.data.npy`."""
        parts = ("paribus", *Path(self.name).with_suffix("").parts)
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Every call with the dotted text of what is called: `np.save`, `Path(name).open`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node

    def place(self, node: ast.AST) -> str:
        """`file:line` of a node."""
        return f"{self.name}:{getattr(node, 'lineno', 0)}"


@cache
def package_sources() -> tuple[Source, ...]:
    """Every module of the package."""
    return tuple(_read(path, PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))


@cache
def other_sources() -> tuple[Source, ...]:
    """Python outside of the package: doors, generators, writers of documents, and tests."""
    paths = [ROOT / "Train.py", *(ROOT / "tools").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    return tuple(_read(path, ROOT) for path in sorted(paths))


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a keyword argument, None where it is not given."""
    return next((k.value for k in call.keywords if k.arg == name), None)


def is_constant(node: ast.expr | None, value: object) -> bool:
    """Whether a node is that very constant."""
    return isinstance(node, ast.Constant) and node.value is value


def open_mode(called: str, call: ast.Call) -> str | None:
    """The mode of a call of `open`, `Path.open` and their like; None where it opens no file.

    A mode that is computed counts as one that writes text: "w?".
    """
    if called.rpartition(".")[2] not in ("open", "fdopen"):
        return None
    takes_file = called in ("open", "io.open", "os.fdopen", "gzip.open", "bz2.open", "lzma.open")
    given = keyword(call, "mode") or next(iter(call.args[1 if takes_file else 0 :]), None)
    if given is None:
        return "r" if takes_file or not call.args else None
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value
    constants = [n.value for n in ast.walk(given) if isinstance(n, ast.Constant)]
    modes = [
        value for value in constants if isinstance(value, str) and set(value) <= set("rwxab+t")
    ]
    if isinstance(given, ast.IfExp) and len(modes) >= 2:
        return "".join(modes)
    return "w?" if takes_file else None


def _read(path: Path, base: Path) -> Source:
    return Source.parsed(path.relative_to(base).as_posix(), path.read_text(encoding="utf-8"))
