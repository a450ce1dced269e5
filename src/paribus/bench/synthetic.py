"""Text of any size out of a smaller one: varied, so that no block is one that was seen before."""

import random


def synthetic_text(n_bytes: int, seed: int, source: bytes) -> bytes:
    """`n_bytes` of paragraphs of `source` in an order drawn anew for each repetition.

    Equal arguments give equal text.
    """
    draw = random.Random(seed)
    paragraphs = source.split(b"\n")
    grown = bytearray()
    while len(grown) < n_bytes:
        draw.shuffle(paragraphs)
        grown += b"\n".join(paragraphs) + b"\n"
    return bytes(grown[:n_bytes])
