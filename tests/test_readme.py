"""The READMEs say what is there: both languages alike, paths, commands, names and links."""

import ast
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import click
import pytest

from paribus import Run
from paribus.cli.main import paribus

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = "README.md", "README_zh-CN.md"
README = (ROOT / ENGLISH).read_text(encoding="utf-8")
README_ZH = (ROOT / CHINESE).read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) .+$", re.MULTILINE)
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
MAP = re.compile(r"<!-- map:start -->\n\n```text\n(.*?)```\n\n<!-- map:end -->", re.DOTALL)
BOTH = pytest.mark.parametrize("text", [README, README_ZH], ids=[ENGLISH, CHINESE])


def blocks(text: str, language: str | None = None) -> list[str]:
    """The fenced blocks of a page, or those of one language."""
    found = FENCE.findall(text)
    return [code for kind, code in found if language in (None, kind)]


def sections(text: str) -> list[str]:
    """The prose below each heading, without fenced blocks."""
    return HEADING.sub("\0", FENCE.sub("", text)).split("\0")


def paths_of_map(text: str) -> list[str]:
    """Every path that the map names, a folder ending in "/"; indentation says what lies where."""
    (tree,) = MAP.findall(text)
    parents: list[str] = []
    paths = []
    for line in tree.splitlines():
        depth = sum(1 for _ in takewhile(str.isspace, line)) // 2
        names, *_ = re.split(r"\s{2,}", line.strip())
        parents[depth:] = []
        folder = parents[-1] if parents else ""
        paths += [folder + name for name in names.split(" · ")]
        parents.append(paths[-1])
    return paths


def rooms() -> set[str]:
    """What lies directly in src/paribus: modules and packages, the compiled core aside."""
    found = (ROOT / "src/paribus").iterdir()
    packages = {f"{path.name}/" for path in found if (path / "__init__.py").exists()}
    return packages | {path.name for path in (ROOT / "src/paribus").glob("*.py")}


def commands() -> Iterator[list[str]]:
    """The arguments of every `paribus …` in shell blocks and in the running text."""
    inline = re.findall(r"`((?:uv run )?paribus [^`]+)`", FENCE.sub("", README))
    shell = [line for block in blocks(README, "bash") for line in block.splitlines()]
    for line in [*inline, *shell]:
        for part in re.split(r"\||&&|;|>", line):
            words = shlex.split(part)
            if "paribus" in words and "VERB" not in words:
                yield words[words.index("paribus") + 1 :]


def parsed(arguments: list[str]) -> click.Context:
    """The context in which click would run a command line."""
    command, rest = paribus, list(arguments)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"paribus {shlex.join(arguments)}: no verb {name}"
        command = found
    return command.make_context(command.name, rest)


def test_both_languages_have_the_same_headings():
    levels = [
        [len(level) for level in HEADING.findall(FENCE.sub("", t))] for t in (README, README_ZH)
    ]
    assert levels[0] == levels[1]
    assert len(levels[0]) > 5


def test_both_languages_have_the_same_code():
    assert blocks(README) == blocks(README_ZH)
    assert len(blocks(README)) > 5


def test_both_languages_have_the_same_numbers_in_each_section():
    for english, chinese in zip(sections(README), sections(README_ZH), strict=True):
        assert sorted(NUMBER.findall(english)) == sorted(NUMBER.findall(chinese)), english[:80]


def test_both_languages_name_the_same_things_in_code_type():
    for english, chinese in zip(sections(README), sections(README_ZH), strict=True):
        names = [sorted(re.findall(r"`[^`]+`", section)) for section in (english, chinese)]
        assert names[0] == names[1], english[:80]


def test_every_path_of_the_map_exists():
    missing = [path for path in paths_of_map(ARCHITECTURE) if not (ROOT / path).exists()]
    assert missing == []


def test_a_folder_of_the_map_ends_in_a_slash():
    present = [path for path in paths_of_map(ARCHITECTURE) if (ROOT / path).exists()]
    assert [p for p in present if p.endswith("/") != (ROOT / p).is_dir()] == []


def test_every_tracked_top_level_entry_is_in_the_map():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout: what is tracked cannot be asked")
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    tracked = {path.partition("/")[0] for path in listed.stdout.splitlines()}
    assert tracked <= {path.partition("/")[0] for path in paths_of_map(ARCHITECTURE)}


def test_every_room_of_the_package_is_in_the_map():
    prefix = "src/paribus/"
    listed = {
        path.removeprefix(prefix) for path in paths_of_map(ARCHITECTURE) if path.startswith(prefix)
    }
    assert listed - {""} == rooms()


def test_both_commands_of_the_quick_start_are_there():
    assert "pip install uv && uv run paribus quickstart\n" in blocks(README, "bash")
    assert "uv run pytest\n" in blocks(README, "bash")


@pytest.mark.parametrize("arguments", list(commands()), ids=shlex.join)
def test_every_command_line_parses(arguments):
    context = parsed(arguments)
    if "config" in context.params:
        from paribus.experiment import load_experiment
        from paribus.optim.schedule import check_schedule

        experiment = load_experiment(context.params["config"], context.params["overrides"])
        assert experiment.training.steps is not None
        check_schedule(experiment.schedule, experiment.optimizer.lr, experiment.training.steps)


def test_every_verb_has_an_example():
    shown = {arguments[0] for arguments in commands()}
    assert shown >= set(paribus.list_commands(click.Context(paribus)))


def test_every_subverb_has_an_example():
    shown = {tuple(arguments[:2]) for arguments in commands()}
    for name in ("tokenizer", "data"):
        group = paribus.get_command(click.Context(paribus), name)
        assert isinstance(group, click.Group)
        assert shown >= {(name, verb) for verb in group.commands}


def test_every_name_of_the_python_examples_exists():
    import paribus as package

    owners = {"paribus": package, "run": Run, "tokenizer": package.Tokenizer}
    used = [
        (node.value.id, node.attr)
        for block in blocks(README, "python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    ]
    assert {owner for owner, _ in used} >= {"paribus", "run"}
    for owner, name in used:
        if owner in owners:
            assert hasattr(owners[owner], name), f"{owner}.{name}"


@BOTH
def test_every_link_to_a_file_leads_somewhere(text):
    links = re.findall(r"\]\(([^)#]+)\)", text)
    local = [link for link in links if "://" not in link]
    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_the_doors_take_the_variables_that_the_table_names():
    rows = re.findall(r"^\| `(\w+\.sh)` \| (.+) \|$", README, re.MULTILINE)
    assert len(rows) == 4
    for script, cell in rows:
        text = (ROOT / script).read_text(encoding="utf-8")
        for variable in re.findall(r"`([A-Z_]+)`", cell):
            assert re.search(rf"\b{variable}:?[-=]", text), f"{script}: {variable}"
