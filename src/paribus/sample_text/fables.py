"""fables: short stories from a grammar and a seed, the same bytes on every computer.

Every story holds facts that a test can ask for. Each friend has one home and one favourite food in
all stories (what a model can remember from training), and each story hides a thing in a place and
comes back to it (what a model must read in its context). `Story.facts` says where both stand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from paribus.sample_text.fable_words import (
    COLOURS,
    CONTAINERS,
    ENDINGS,
    EVENTS,
    FRIENDS,
    GIFTS,
    HELPERS,
    HIDINGS,
    MEETINGS,
    MOODS,
    MORALS,
    NUMBERS,
    OPENINGS,
    PARTINGS,
    PLACES,
    RECALLS,
    SEASONS,
    SIGHTS,
    THINGS,
    TREES,
    WEATHERS,
    Friend,
)

SEPARATOR = b"<|endoftext|>\n"
FRESH_SLOTS = {
    "number": NUMBERS,
    "helper": HELPERS,
    "tree": TREES,
    "gift": GIFTS,
    "sight": SIGHTS,
    "mood": MOODS,
}
_MASK = (1 << 64) - 1
T = TypeVar("T")


@dataclass(frozen=True)
class Fact:
    """Something a story states that can be asked for: its text up to `start` ends with a prompt.

    `text[start:end]` is the answer. `stated` is where the same story says it first; none for a fact
    that only other stories state before.
    """

    kind: str
    start: int
    end: int
    stated: int | None


@dataclass(frozen=True)
class Story:
    """One fable, in ASCII, and its facts by offset."""

    text: str
    facts: tuple[Fact, ...]


def generate(n_bytes: int, seed: int = 0) -> bytes:
    """Whole stories, separator lines between them: as many as `n_bytes` hold, and at least one."""
    pieces: list[bytes] = []
    room = n_bytes
    for one in stories(seed):
        piece = one.text.encode("ascii")
        room -= len(piece) + (len(SEPARATOR) if pieces else 0)
        if room < 0 and pieces:
            break
        pieces.append(piece)
    return SEPARATOR.join(pieces)


def stories(seed: int = 0) -> Iterator[Story]:
    """Stories without end; the same as `story(seed, 0)`, `story(seed, 1)` and so on."""
    number = 0
    while True:
        yield story(seed, number)
        number += 1


def story(seed: int, number: int) -> Story:
    """The story of that number: it depends on nothing but the two."""
    draw = _Draw(seed, number)
    hero, other = draw.two(FRIENDS)
    slots = _slots(draw, hero, other)
    hidden_in = f"the {slots['colour']} {slots['container']}"
    writer = _Writer(draw, slots)
    writer.say(draw.one(OPENINGS))
    home = writer.fact("home", "{hero} lived {home}.", hero.home, stated=None)
    hiding = writer.fact("hiding", draw.one(HIDINGS), hidden_in, stated=None)
    writer.paragraph()
    writer.say(draw.one(MEETINGS))
    for event in draw.several(EVENTS, 1 + draw.below(4)):
        writer.say(event)
    writer.paragraph()
    recall = writer.fact("recall", draw.one(RECALLS), hidden_in, stated=hiding.start)
    food = writer.fact("food", draw.one(ENDINGS), hero.food, stated=None)
    writer.say(draw.one(PARTINGS))
    writer.say(draw.one(MORALS))
    return Story(writer.finished(), (home, recall, food))


def _slots(draw: "_Draw", hero: Friend, other: Friend) -> dict[str, str]:
    return {
        "hero": hero.name,
        "kind": hero.kind,
        "a_kind": f"{'an' if hero.kind[0] in 'aeiou' else 'a'} {hero.kind}",
        "home": hero.home,
        "food": hero.food,
        "he": hero.pronoun,
        "He": hero.pronoun.capitalize(),
        "his": hero.possessive,
        "other": other.name,
        "other_kind": other.kind,
        "thing": draw.one(THINGS),
        "colour": draw.one(COLOURS),
        "container": draw.one(CONTAINERS),
        "place": draw.one(PLACES),
        "season": draw.one(SEASONS),
        "weather": draw.one(WEATHERS),
    }


class _Writer:
    """Puts sentences together and keeps count of where the facts stand."""

    def __init__(self, draw: "_Draw", slots: dict[str, str]):
        self._draw, self._slots = draw, slots
        self._text = ""

    def say(self, template: str) -> None:
        joint = " " if self._text and not self._text.endswith("\n") else ""
        fresh = {name: self._draw.one(words) for name, words in FRESH_SLOTS.items()}
        self._text += joint + template.format_map(self._slots | fresh)

    def fact(self, kind: str, template: str, answer: str, stated: int | None) -> Fact:
        before = len(self._text)
        self.say(template.replace("{hidden}", "the {colour} {container}"))
        start = self._text.index(answer, before)
        return Fact(kind, start, start + len(answer), stated)

    def paragraph(self) -> None:
        self._text += "\n\n"

    def finished(self) -> str:
        return self._text + "\n"


class _Draw:
    """SplitMix64 (Steele, Lea and Flood, 2014) in whole numbers: no library can change it."""

    def __init__(self, seed: int, number: int):
        self._state = (seed * 0xD1342543DE82EF95 + number) & _MASK
        self._state = self._next()

    def _next(self) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        word = self._state
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        return word ^ (word >> 31)

    def below(self, n: int) -> int:
        return self._next() % n

    def one(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def two(self, options: Sequence[T]) -> tuple[T, T]:
        first = self.below(len(options))
        second = (first + 1 + self.below(len(options) - 1)) % len(options)
        return options[first], options[second]

    def several(self, options: Sequence[T], n: int) -> list[T]:
        """`n` different ones, in a drawn order."""
        left = list(options)
        return [left.pop(self.below(len(left))) for _ in range(n)]
