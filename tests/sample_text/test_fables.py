import hashlib
import itertools
import re
import subprocess
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paribus.sample_text import fable_words
from paribus.sample_text.fables import generate, stories, story


def test_the_bytes_are_those_of_every_computer_and_release():
    assert (
        hashlib.sha256(generate(100_000, seed=1)).hexdigest()
        == "6a34316e772cbf5ce81be87e30712744311ab249ce7a3adef39b22c0c18f1612"
    )


def test_another_process_with_another_hash_seed_writes_the_same():
    script = "import sys; from paribus.sample_text.fables import generate as g; "
    script += "sys.stdout.buffer.write(g(20_000, 5))"
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    assert there.replace(b"\r\n", b"\n") == generate(20_000, 5)


@given(st.integers(0, 2**70), st.integers(0, 10**9))
def test_every_fact_stands_where_the_story_says(seed, number):
    told = story(seed, number)
    assert told.text.isascii() and told.text.endswith(".\n")
    assert not re.search(r"[{}]|  | \.", told.text)
    assert {fact.kind for fact in told.facts} == {"home", "recall", "food"}
    for fact in told.facts:
        answer = told.text[fact.start : fact.end]
        if fact.stated is not None:
            assert told.text[fact.stated :].startswith(answer)
            assert fact.stated + len(answer) < fact.start


def test_a_friend_has_one_home_and_one_food_in_all_stories():
    friends = {friend.name: friend for friend in fable_words.FRIENDS}
    assert len(friends) == len(fable_words.FRIENDS)
    for told in itertools.islice(stories(3), 300):
        home, _, food = (told.text[fact.start : fact.end] for fact in told.facts)
        hero = re.search(r"(\w+) lived ", told.text)[1]
        assert (friends[hero].home, friends[hero].food) == (home, food)


def test_a_longer_text_goes_on_where_a_shorter_one_ends():
    assert generate(50_000, 2).startswith(generate(20_000, 2))
    assert generate(20_000, 2) != generate(20_000, 3)


@pytest.mark.parametrize("n_bytes", [0, 1000, 12_345, 200_000])
def test_the_size_is_met_within_one_story(n_bytes):
    longest = 3000
    size = len(generate(n_bytes))
    assert n_bytes - longest < size <= max(n_bytes, longest)


def test_stories_are_documents_and_differ():
    documents = generate(500_000).split(b"<|endoftext|>\n")
    assert len(documents) > 400
    assert len(set(documents)) == len(documents)
    assert len(set(re.findall(rb"[a-z]+", generate(500_000)))) > 500
    assert 8 * len(zlib.compress(generate(500_000), 9)) / 500_000 > 0.95


def test_no_article_stands_wrong():
    assert not re.findall(rb"\b[Aa] [aeio]\w+", generate(500_000))
    assert not re.findall(rb"\b[Aa]n [^aeiou\s]\w+", generate(500_000))
