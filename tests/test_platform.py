"""What would break on another operating system: platform code out of place, fork, encodings."""

import ast
import re
from collections.abc import Iterator

import pytest

from source_tree import Source, keyword, open_mode, other_sources, package_sources

PLATFORM_MODULES = {"fcntl", "resource", "msvcrt", "winreg", "pwd", "grp", "termios", "tty"}
PLATFORM_NAMES = re.compile(
    r"os\.(name|uname|fork|forkpty|posix_\w+|sched_\w+|geteuid|getuid|getgid|fchmod|fdatasync"
    r"|O_(?!RDONLY|WRONLY|RDWR|CREAT|EXCL|APPEND|TRUNC)\w+)"
    r"|sys\.(platform|getwindowsversion)|platform\.(system|processor|mac_ver|win32_ver)"
    r"|signal\.(SIGUSR\d|SIGKILL|SIGHUP|SIGALRM|alarm|setitimer|pthread_kill)"
)
PLATFORM_PATHS = ("/proc/", "/dev/", "/sys/", "/etc/", "/tmp", "C:\\")


def _platform_code(source: Source) -> Iterator[str]:
    """Names, modules and paths that only some systems have."""
    for node in ast.walk(source.tree):
        found = ""
        if isinstance(node, ast.Import):
            found = next((a.name for a in node.names if a.name in PLATFORM_MODULES), "")
        elif isinstance(node, ast.ImportFrom) and node.module in PLATFORM_MODULES:
            found = node.module
        elif isinstance(node, ast.Attribute) and PLATFORM_NAMES.fullmatch(ast.unparse(node)):
            found = ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = next((path for path in PLATFORM_PATHS if node.value.startswith(path)), "")
        if found:
            yield f"{source.place(node)}: {found}"


# Files, facts about the machine, and child processes: all else is the same on every system.
KNOW_THE_PLATFORM = ("files.py", "machine.py", "processes.py", "process_child.py")


def test_only_the_ground_floor_knows_the_platform():
    sources = [source for source in package_sources() if source.name not in KNOW_THE_PLATFORM]
    assert [line for source in sources for line in _platform_code(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import fcntl",
        "def f():\n    from resource import getrusage",
        "if os.name == 'nt': pass",
        "sys.platform.startswith('win')",
        "os.open(path, os.O_DIRECTORY)",
        "signal.signal(signal.SIGUSR1, f)",
        "Path('/proc/meminfo')",
        "os.sched_getaffinity(0)",
    ],
)
def test_platform_code_is_found(text: str):
    assert list(_platform_code(Source.parsed("model/block.py", text)))


def _forks(source: Source) -> Iterator[str]:
    for called, call in source.calls():
        starts = called.rpartition(".")[2] in ("get_context", "set_start_method")
        method = call.args[0] if call.args else keyword(call, "method")
        is_spawn = isinstance(method, ast.Constant) and method.value == "spawn"
        if called in ("os.fork", "os.forkpty") or (starts and not is_spawn):
            yield f"{source.place(call)}: {called}"


def test_no_process_is_forked():
    # A fork copies locks that threads of torch and of the core hold; Windows has none.
    assert [line for source in package_sources() for line in _forks(source)] == []


@pytest.mark.parametrize("text", ["os.fork()", "get_context('fork')", "mp.set_start_method(name)"])
def test_a_fork_is_found(text: str):
    assert list(_forks(Source.parsed("model/block.py", text)))


def _texts_without_encoding(source: Source) -> Iterator[str]:
    """Text that is read or written in whatever encoding the system prefers."""
    for called, call in source.calls():
        method = called.rpartition(".")[2]
        mode = open_mode(called, call)
        takes_text = mode is not None and "b" not in mode and called != "os.open"
        if called in ("gzip.open", "bz2.open", "lzma.open"):
            takes_text = "t" in (mode or "")
        wraps = method in ("read_text", "write_text", "TextIOWrapper")
        decodes = "subprocess" in called and keyword(call, "text")
        if (takes_text or wraps or decodes) and not keyword(call, "encoding"):
            yield f"{source.place(call)}: {called}"


def test_text_files_name_their_encoding():
    sources = [*package_sources(), *other_sources()]
    assert [line for source in sources for line in _texts_without_encoding(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "open(path)",
        "open(path, 'w')",
        "Path(name).open()",
        "path.read_text()",
        "path.write_text(text)",
        "subprocess.run(command, text=True)",
        "gzip.open(path, 'rt')",
    ],
)
def test_a_missing_encoding_is_found(text: str):
    assert list(_texts_without_encoding(Source.parsed("model/block.py", text)))


@pytest.mark.parametrize(
    "text", ["open(path, 'rb')", "path.open('xb')", "open(path, encoding='utf-8')", "gzip.open(p)"]
)
def test_bytes_need_no_encoding(text: str):
    assert not list(_texts_without_encoding(Source.parsed("model/block.py", text)))
