"""The house rules that no reader has to check: layers, writers, what importing may do."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

import pytest

from source_tree import (
    PACKAGE,
    Source,
    is_constant,
    keyword,
    open_mode,
    other_sources,
    package_sources,
)

# Imports only point down. ARCHITECTURE.md draws the same list.
LAYERS = {
    8: ["__init__", "__main__"],
    7: ["cli", "api"],
    6: ["study", "serve", "cs336", "bench", "first_run"],
    5: ["training", "export"],
    4: ["generation", "evaluation"],
    3: ["checkpoint", "report"],
    2: ["experiment", "data"],
    1: ["tokenizer", "model", "loss", "optim", "tracking", "sample_text", "run_folder", "settings"],
    0: [
        "config", "arguments", "interrupts", "manifest", "records", "device", "files", "errors", "shapes",
        "machine", "processes", "process_child", "terminal", "text_table", "_core",
    ],
}  # fmt: skip
LAYER_OF = {room: layer for layer, rooms in LAYERS.items() for room in rooms}
# The ground floor has an order of its own: what each of its rooms may import there.
GROUND = {
    "config": {"files", "errors", "terminal"},
    "arguments": {"config", "errors"},
    "interrupts": {"files", "errors"},
    "device": {"machine", "errors"},
    "records": {"manifest", "errors"},
    "manifest": {"files", "errors"},
    "files": {"errors"},
    "processes": {"process_child", "errors"},
    "process_child": {"machine", "errors"},
    "errors": {"terminal"},
}
# What only type checkers read may point up here, for these import when a verb runs.
LAZY_ROOMS = {"cli", "api", "__init__"}
WITHOUT_TORCH = ("config", "tokenizer", "tracking", "report", "run_folder", "sample_text")

WRITERS = {
    "write_text", "write_bytes", "savez", "savetxt", "tofile", "save_file", "copyfile", "copy2",
    "copytree", "urlretrieve", "rename", "touch", "symlink_to", "hardlink_to",
}  # fmt: skip
WRITING_FUNCTIONS = {
    "np.save", "torch.save", "os.replace", "os.rename", "os.link", "shutil.copy", "shutil.move",
}  # fmt: skip
MAY_WRITE = {
    "checkpoint.py": ({"write_text", "save_file"}, "inside a publish_folder callback"),
    "tokenizer/formats.py": ({"write_bytes"}, "inside a publish_folder callback"),
    "data/npy.py": ({"open"}, "inside a callback of publish_folder or publish_written"),
    "data/download.py": ({"open"}, "appends to a hidden part; publish_finished names it"),
    "training/record.py": ({"save"}, "into memory, for publish_file"),
    "process_child.py": ({"fdopen"}, "the pipe to the parent"),
    "cli/main.py": ({"open"}, "the null device, in place of a closed stream"),
    "cs336/adapters.py": ({"save"}, "the checkpoint that a test of the course asks for"),
    "cs336/clone.py": (
        {"copytree", "copyfile", "write_text", "write_bytes"},
        "inside the temporary folder of one run",
    ),
}


def _room(module: str) -> str:
    parts = module.split(".")[1:]
    if len(parts) > 1 and parts[-1] in ("config", "variants") and parts[0] != "config":
        return "settings"
    return parts[0] if parts else "__init__"


@cache
def _modules() -> frozenset[str]:
    return frozenset(source.module for source in package_sources())


def _imports(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Every module of ours that a file imports, wherever in the file."""
    skipped = _type_checking_only(source) if _room(source.module) in LAZY_ROOMS else set()
    for node in ast.walk(source.tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_module = full in _modules() or full == "paribus._core"
                yield node, full if is_module else str(node.module)


def _type_checking_only(source: Source) -> set[ast.AST]:
    blocks = [
        statement
        for node in ast.walk(source.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
    ]
    return {node for block in blocks for node in ast.walk(block)}


def _upward_imports(source: Source) -> list[str]:
    room = _room(source.module)
    found = []
    for node, module in _imports(source):
        if module.split(".")[0] != "paribus":
            continue
        target = _room(module)
        own_settings = target == "settings" and module.split(".")[1] == source.module.split(".")[1]
        points_down = LAYER_OF[target] < LAYER_OF[room] or target in GROUND.get(room, ())
        if room == "settings":
            points_down = target in ("config", "errors")
        if not (points_down or own_settings or (target == room and room != "settings")):
            found.append(f"{source.place(node)}: {room} imports {target}")
    return found


def test_imports_only_point_down():
    assert [line for source in package_sources() for line in _upward_imports(source)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("model/block.py", "from paribus.training.loop import Job"),
        ("model/block.py", "import paribus.optim.adamw"),
        ("model/block.py", "from paribus.optim.config import AdamWConfig"),
        ("model/block.py", "def f():\n    from paribus import checkpoint"),
        ("model/block.py", "if TYPE_CHECKING:\n    from paribus.api import load"),
        ("model/config.py", "from paribus.files import read_bytes"),
        ("model/config.py", "from paribus.optim.config import AdamWConfig"),
        ("errors.py", "from paribus.files import read_bytes"),
        ("files.py", "from paribus.config.load import load"),
        ("api.py", "from paribus.cli.main import run"),
    ],
)
def test_an_import_upward_or_sideways_is_found(name: str, text: str):
    assert _upward_imports(Source.parsed(name, text))


def test_every_room_has_a_layer():
    assert {_room(source.module) for source in package_sources()} <= set(LAYER_OF)


def test_imports_are_absolute():
    found = [
        source.place(node)
        for source in package_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert found == []


def test_settings_modules_import_no_library_that_is_slow():
    allowed = set(sys.stdlib_module_names) | {"paribus", "annotated_types"}
    found = [
        f"{source.place(node)}: {module}"
        for source in package_sources()
        if _room(source.module) == "settings"
        for node, module in _imports(source)
        if module.split(".")[0] not in allowed
    ]
    assert found == []


def test_init_files_hold_a_docstring_and_nothing_else():
    for source in package_sources():
        if source.name.endswith("/__init__.py"):
            assert ast.get_docstring(source.tree), source.name
            assert len(source.tree.body) == 1, source.name


def test_no_module_calls_anything_for_its_effect_when_imported():
    found = [
        source.place(statement)
        for source in package_sources()
        for statement in source.tree.body
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    ]
    assert found == []


@pytest.mark.parametrize(
    "code", ["import paribus", "from paribus.cli.main import run; run(['--help'])"]
)
def test_import_and_help_load_neither_torch_nor_numpy(code: str):
    assert _loaded_by(code) & {"torch", "numpy", "pydantic", "filelock"} == set()


def test_rooms_below_the_model_load_no_torch():
    modules = [
        source.module
        for source in package_sources()
        if _room(source.module) in (*WITHOUT_TORCH, "settings")
    ]
    assert "torch" not in _loaded_by(f"import {', '.join(modules)}")


def _loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after `code`."""
    script = f"import sys, json\n{code}\nprint(file=sys.stdout)\nprint(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def _writes(source: Source) -> Iterator[tuple[str, str]]:
    """Calls that can put bytes under a name: what is called, and where."""
    for called, call in source.calls():
        method = called.rpartition(".")[2]
        mode = open_mode(called, call)
        opens_to_write = mode is not None and bool(set(mode) & set("wax+"))
        maps = method == "memmap" and (getattr(keyword(call, "mode"), "value", None) != "r")
        if opens_to_write or maps or called in WRITING_FUNCTIONS or method in WRITERS:
            yield method, source.place(call)


def test_only_files_py_writes_under_final_names():
    found = [
        f"{place}: {method}"
        for source in package_sources()
        if source.name != "files.py"
        for method, place in _writes(source)
        if method not in MAY_WRITE.get(source.name, (set(), ""))[0]
    ]
    assert found == []


def test_every_exemption_of_a_writer_is_in_use():
    used = {source.name: {method for method, _ in _writes(source)} for source in package_sources()}
    assert {name: used[name] for name in MAY_WRITE} == {
        name: methods for name, (methods, _) in MAY_WRITE.items()
    }


@pytest.mark.parametrize(
    "text",
    [
        "open(path, 'w')",
        "open(path, mode='ab')",
        "open(path, mode)",
        "path.open('r+b')",
        "path.write_text(text, encoding='utf-8')",
        "np.save(path, array)",
        "torch.save(state, path)",
        "np.memmap(path, mode='w+')",
        "np.memmap(path)",
        "os.replace(a, b)",
        "path.rename(other)",
    ],
)
def test_a_writer_is_found(text: str):
    assert list(_writes(Source.parsed("model/block.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "open(path)",
        "path.open('rb')",
        "np.memmap(path, mode='r')",
        "url.open(request)",
        "open_run(r)",
    ],
)
def test_a_reader_is_no_writer(text: str):
    assert not list(_writes(Source.parsed("model/block.py", text)))


MAY_PRINT = {
    "cli/display.py": "escapes what a terminal would obey",
    "process_child.py": "into the output that its parent captures",
    "cli/tokenizer/encode.py": "writes ids, which are digits",
}


def _prints(source: Source) -> Iterator[str]:
    for called, call in source.calls():
        is_stream = called.startswith(("sys.stdout", "sys.stderr")) and "write" in called
        if called in ("print", "click.echo", "click.secho", "traceback.print_exc") or is_stream:
            yield source.place(call)


def test_only_the_display_prints():
    printing = [source for source in package_sources() if source.name not in MAY_PRINT]
    assert [place for source in printing for place in _prints(source)] == []


@pytest.mark.parametrize(
    "text", ["print(name)", "click.echo(name, err=True)", "sys.stdout.buffer.write(name)"]
)
def test_a_print_is_found(text: str):
    assert list(_prints(Source.parsed("model/block.py", text)))


# A checkpoint of the course is a file of torch.save; with weights_only it holds tensors alone.
LOADS_WEIGHTS_ONLY = "cs336/adapters.py"
# Objects pass between a process and its own child through a pipe; no file holds them.
PICKLES_FOR_CHILDREN = "process_child.py"
CODE_LOADERS = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}


def _code_on_load(source: Source) -> Iterator[str]:
    """Places where data could run as code."""
    for node in ast.walk(source.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        loaders = {name.split(".")[0] for name in names} & CODE_LOADERS
        if loaders and (source.name, loaders) != (PICKLES_FOR_CHILDREN, {"pickle"}):
            yield f"{source.place(node)}: {names[0]}"
    for called, call in source.calls():
        loads_arrays = called in ("np.load", "numpy.load")
        safely = is_constant(keyword(call, "allow_pickle"), False)
        weights_only = is_constant(keyword(call, "weights_only"), True)
        if (called, source.name, weights_only) == ("torch.load", LOADS_WEIGHTS_ONLY, True):
            continue
        if (
            called in ("eval", "exec", "compile", "os.system", "os.popen", "torch.load")
            or is_constant(keyword(call, "shell"), True)
            or (loads_arrays and not safely)
            or "unsafe" in str(getattr(keyword(call, "typ"), "value", ""))
        ):
            yield f"{source.place(call)}: {called}"


def test_no_data_runs_as_code():
    sources = [*package_sources(), *(s for s in other_sources() if not s.name.startswith("tests/"))]
    assert [line for source in sources for line in _code_on_load(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from yaml import load",
        "eval(text)",
        "exec(text)",
        "subprocess.run(line, shell=True)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path, weights_only=True)",
        "YAML(typ='unsafe').load(text)",
    ],
)
def test_code_on_load_is_found(text: str):
    assert list(_code_on_load(Source.parsed("model/block.py", text)))


@pytest.mark.parametrize("options", ["", ", weights_only=False", ", weights_only=safe"])
def test_the_course_checkpoints_load_weights_only(options: str):
    assert list(_code_on_load(Source.parsed(LOADS_WEIGHTS_ONLY, f"torch.load(path{options})")))


def test_the_package_lies_where_these_tests_look():
    assert (PACKAGE / "files.py").is_file()
    assert len(package_sources()) > 50
