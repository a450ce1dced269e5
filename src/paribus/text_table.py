"""Tables as text: numbers to the right, words to the left, as wide as the terminal allows.

If standard output is not a terminal, a row is one line however wide it is, so that a table can be
searched or pasted into a page: it is Markdown.
"""

import io
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

Cell = str | int | float | None
NO_LIMIT = 1 << 16
"""Columns of a page that never breaks a line."""
GAP = 2
"""Spaces between a name and its value."""


@dataclass(frozen=True)
class Column:
    """The heading of a column, and how its numbers are written."""

    heading: str
    form: str | Callable[[float], str] = ","
    """Format of its numbers, as in `format(value, form)`, or a function that writes them."""
    unit: str = ""
    """Written behind each number."""

    def shown(self, cell: Cell) -> str:
        """A cell as it is printed; None is a dash."""
        if cell is None:
            return "-"
        if isinstance(cell, str):
            return _printable(cell)
        number = format(cell, self.form) if isinstance(self.form, str) else self.form(cell)
        return number + self.unit


def text_table(
    columns: Sequence[Column | str], rows: Iterable[Sequence[Cell]], *, width: int | None = None
) -> str:
    """A Markdown table of at most `width` columns, by default those of the terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = [list(row) for row in rows]
    columns = [Column(column) if isinstance(column, str) else column for column in columns]
    table = Table(box=box.MARKDOWN, show_edge=True)
    for number, column in enumerate(columns):
        justify = "right" if _holds_numbers([row[number] for row in rows]) else "left"
        heading = Text(_printable(column.heading))
        table.add_column(heading, justify=justify, overflow="fold")
    for row in rows:
        cells = zip(columns, row, strict=True)
        table.add_row(*(Text(column.shown(cell)) for column, cell in cells))
    return _rendered(table, width)


def fact_table(
    facts: Iterable[tuple[str, Cell]], *, indent: int = 0, width: int | None = None
) -> str:
    """Names and values in two columns; a long value goes on below its own beginning."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, GAP, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(" " * indent + _printable(name)), Text(Column("").shown(value)))
    return _rendered(table, width)


def terminal_width() -> int | None:
    """Columns of the terminal; None if standard output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _holds_numbers(cells: Sequence[Cell]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and not any(isinstance(cell, str) for cell in known)


def _rendered(table: "Table", width: int | None) -> str:
    from rich.console import Console

    columns = width or terminal_width() or NO_LIMIT
    page = io.StringIO()
    # Plain text, whatever the environment says of colors and of terminals.
    Console(file=page, width=columns, color_system=None, force_terminal=False, _environ={}).print(
        table
    )
    lines = [line.rstrip() for line in page.getvalue().split("\n")]
    return "\n".join(line for line in lines if line)  # the edges of Markdown are blank


def _printable(text: str) -> str:
    """`text` on one line, with what a terminal would obey written as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
