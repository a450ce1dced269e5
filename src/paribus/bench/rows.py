"""Row: one measured line of a benchmark."""

from dataclasses import asdict, dataclass
from typing import Any

OURS = "paribus"
NAIVE = "paribus naive"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one version took for one task. A version that was refused has a note and no time."""

    task: str
    """A key of `tables.TABLES`."""
    library: str
    label: str
    """Library, its version, and which of its calls was used."""
    file: str = ""
    """Name of the text file, for tokenizers."""
    parts: str = ""
    """The library whose kind of norm, positions and feed-forward network the model has."""
    n_bytes: int = 0
    """Size of the text, or of the part that was timed if the whole would take too long."""
    n_tokens: int = 0
    """Ids of the text, or tokens of one training step."""
    vocab_size: int | None = None
    """Size of the vocabulary that was learned."""
    n_pretokens: int | None = None
    """Distinct pretokens counted in training."""
    n_parameters: int | None = None
    wall: float | None = None
    """Median seconds of one pass, call or step."""
    cpu: float | None = None
    """Median CPU seconds of all threads together."""
    peak_bytes: int | None = None
    """Largest memory of a process that does nothing else, or of an accelerator."""
    start_seconds: float | None = None
    """Seconds to the end of the first step, compilation included."""
    share_of_peak: float | None = None
    """FLOPs per second of the matrix products, relative to one large product alone."""
    over_naive: float | None = None
    """Speed relative to our naive version."""
    ours_over_it: float | None = None
    """Speed of ours relative to this version."""
    memory_over_ours: float | None = None
    """Memory of this version relative to ours."""
    note: str = ""
    """Why there is no time, or what else the reader should know."""

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens per second of wall time."""
        return self.n_tokens / self.wall if self.n_tokens and self.wall else None

    @property
    def bytes_per_cpu_second(self) -> float | None:
        """Bytes of text per second of CPU time."""
        return self.n_bytes / self.cpu if self.n_bytes and self.cpu else None

    def record(self) -> dict[str, Any]:
        """All fields for JSON, and the rate that the tables show."""
        return asdict(self) | {"tokens_per_second": self.tokens_per_second}
