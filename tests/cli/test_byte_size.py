import re

import pytest

from paribus.cli.byte_size import byte_size


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.00 kB"), (1_005_000, "1.00 MB"),
     (12_340_000, "12.3 MB"), (999_499_000, "999 MB"), (999_500_000, "1.00 GB"), (3 * 10**12, "3.00 TB"),
     (5 * 10**15, "5,000 TB")],
)  # fmt: skip
def test_a_size_has_three_digits_and_its_unit(n_bytes, text):
    assert byte_size(n_bytes) == text


def test_accounting_names_the_unit_of_every_number(cli):
    out = cli("accounting", "base_modern", "model.vocab_size=300").out
    assert "FLOPs of one sequence of 256 tokens" in out
    memory = out.partition("memory of one training step, in bytes\n")[2].splitlines()
    assert len(memory) == 8
    for line in memory:
        assert re.fullmatch(r"  \w+ +[\d,]+ +[\d.]+ (bytes|[kMG]B)", line), line


def test_plan_shows_small_sizes_too(cli):
    tiny = "model.vocab_size=300 model.d_model=8 model.n_heads=1 model.n_layers=1 training.batch_size=1"
    rest = "model.context_length=8 training.steps=1 training.compile=off training.device=cpu schedule.warmup_steps=0"  # fmt: skip
    done = cli("plan", "base_modern", *tiny.split(), *rest.split())
    assert done.code == 0, done.err
    assert re.search(r"weights [\d.]+ kB, gradients [\d.]+ kB", done.out)
    assert "0.00" not in done.out.partition("speed")[0]
