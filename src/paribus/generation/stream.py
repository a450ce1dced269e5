"""Text that arrives in pieces, ended in front of a stop string wherever the pieces are cut."""

from collections.abc import Iterable, Iterator, Sequence

from paribus.errors import ConfigError


class StoppableText:
    """Passes pieces of text on until a stop string is complete; `stopped` says whether one was.

    The stop string that is complete first ends the text (of two that end together, the longer);
    it is not passed on. A piece is held back while it may be the beginning of one.
    """

    def __init__(self, pieces: Iterable[str], stop: Sequence[str]):
        if "" in stop:
            raise ConfigError("stop: expected some text, found none. Leave it out")
        self.stopped = False
        self._pieces = pieces
        self._stop = tuple(stop)

    def __iter__(self) -> Iterator[str]:
        held = ""
        for piece in self._pieces:
            held += piece
            start = self._first_stop(held)
            if start is not None:
                self.stopped = True
                if held[:start]:
                    yield held[:start]
                return
            safe = len(held) - self._possible_beginning(held)
            if safe:
                yield held[:safe]
                held = held[safe:]
        if held:
            yield held

    def _first_stop(self, text: str) -> int | None:
        """Where the stop string that is complete first begins."""
        found = [(at + len(stop), at) for stop in self._stop if (at := text.find(stop)) >= 0]
        return min(found)[1] if found else None

    def _possible_beginning(self, text: str) -> int:
        """Length of the longest end of `text` that begins a stop string."""
        lengths = (
            length
            for stop in self._stop
            for length in range(min(len(stop) - 1, len(text)), 0, -1)
            if text.endswith(stop[:length])
        )
        return max(lengths, default=0)
