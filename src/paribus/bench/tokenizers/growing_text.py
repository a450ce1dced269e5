"""Text of any size in which new words keep coming, as they do in natural text.

The model: phrases of eight words are drawn uniformly from a source text. The number of words
absent from the source follows Heaps' law, V(n) = 3.45 n^0.62 after n words: each joins the head
of one word to the tail of another, and its phrase is drawn again as often as any other.
"""

import random
import re
from collections.abc import Iterator

HEAPS_FACTOR = 3.45
HEAPS_EXPONENT = 0.62
WORDS_OF_PHRASE = 8
PHRASES_OF_BLOCK = 1 << 14

_PHRASE = re.compile(rb"(?:\s*\S+){1,%d}" % WORDS_OF_PHRASE)


def growing_text(n_bytes: int, seed: int, source: bytes) -> Iterator[bytes]:
    """Yields blocks of `n_bytes`, the same for the same arguments; `source` has ASCII words."""
    draw = random.Random(seed)
    words = [word for word in source.split() if word.isascii()]  # cut anywhere
    # Each begins with white space, so that it does not run into the word before it.
    source_phrases = _PHRASE.findall(b" " + source)
    phrases = list(source_phrases)
    if not words:
        raise ValueError("a source with at least one ASCII word is needed")
    n_left, n_words = n_bytes, 0
    while n_left > 0:
        block = draw.choices(phrases, k=PHRASES_OF_BLOCK)
        n_before, n_words = n_words, n_words + WORDS_OF_PHRASE * PHRASES_OF_BLOCK
        for _ in range(_heaps(n_words) - _heaps(n_before)):
            phrases.append(draw.choice(source_phrases) + _new_word(draw, words))
            block[draw.randrange(len(block))] = phrases[-1]
        text = b"".join(block)[:n_left]
        n_left -= len(text)
        yield text


def _heaps(n_words: int) -> int:
    return round(HEAPS_FACTOR * n_words**HEAPS_EXPONENT)


def _new_word(draw: random.Random, words: list[bytes]) -> bytes:
    head, tail = draw.choices(words, k=2)
    return b" " + head[: draw.randint(1, len(head))] + tail[draw.randrange(len(tail)) :]
