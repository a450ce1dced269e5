"""Sizes of memory, read from the command line (500MB, 1GiB) and printed (1.23 GB)."""

import re

import click

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class ByteSize(click.ParamType):
    """A number with a unit, as a number of bytes."""

    name = "size"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The bytes of a text like 1.5GB; a number has been converted before."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([a-z]+)", value.strip(), re.IGNORECASE)
        unit = UNITS.get(match[2].upper()) if match else None
        if match is None or unit is None:
            self.fail(f"expected a size like 500MB or 1GiB, found {value!r}", param, ctx)
        return int(float(match[1]) * unit)


def byte_size(n_bytes: float) -> str:
    """A number of bytes in three digits: 999 bytes, 1.23 MB, 45.6 GB."""
    if n_bytes < 1000:
        return f"{n_bytes:.0f} byte{'' if round(n_bytes) == 1 else 's'}"
    value, unit = n_bytes / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value >= 999.5:
            value, unit = value / 1000, larger
    digits = f"{value:#.3g}".rstrip(".") if value < 999.5 else f"{value:,.0f}"
    return f"{digits} {unit}"
