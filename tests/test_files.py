import errno
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paribus import files, manifest
from paribus.errors import (
    AccessDeniedError,
    CannotCreateError,
    DataError,
    InputMissingError,
    ParibusError,
    StorageError,
    UnavailableError,
)

RECORD = {"format": "test", "version": 1}
NEW = b"new" * 999
CALLS = ("open", "fsync", "replace", "rename")


def write_two(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "b.bin").write_bytes(bytes(1000))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Fault:
    """Makes the n-th call among those of `CALLS` fail with an error number."""

    def __init__(self, monkeypatch, number, code):
        self.left, self.code, self.hit = number, code, False
        for name in CALLS:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, real):
        def call(*arguments, **named):
            self.left -= 1
            if self.left == 0:
                self.hit = True
                raise OSError(self.code, os.strerror(self.code), str(arguments[0]))
            return real(*arguments, **named)

        return call


def with_faults(monkeypatch, code, work):
    """Calls `work` with a fault at each call in turn, until none is left to fail."""
    for number in range(1, 100):
        with monkeypatch.context() as patch:
            fault = Fault(patch, number, code)
            try:
                result = work()
            except ParibusError as error:
                result = error
        if not fault.hit:
            assert number > 3
            return
        yield result


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_file_is_whole_or_old_at_every_fault(tmp_path, monkeypatch, code):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    for result in with_faults(monkeypatch, code, lambda: files.publish_file(path, NEW)):
        assert isinstance(result, StorageError)
        assert result.exit_code == 74
        assert str(path) in str(result)
        assert path.read_bytes() in (b"old", NEW)
        assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == NEW


def test_a_full_disk_names_the_free_bytes(tmp_path, monkeypatch):
    path = tmp_path / "file"
    results = list(with_faults(monkeypatch, errno.ENOSPC, lambda: files.publish_file(path, b"x")))
    assert all("free bytes" in str(result) for result in results)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_folder_is_whole_or_absent_at_every_fault(tmp_path, monkeypatch, code):
    target = tmp_path / "folder"
    publish = lambda: files.publish_folder(target, write_two, RECORD)  # noqa: E731
    for result in with_faults(monkeypatch, code, publish):
        assert isinstance(result, StorageError)
        if target.exists():  # the fault came after the rename
            manifest.verify_files(
                target, manifest.read_manifest(target, format_name="test", version=1)
            )
            files.remove_folder(target)
        assert not any(tmp_path.iterdir())
    assert target.exists()


def test_short_writes_lose_nothing(tmp_path, monkeypatch):
    import io

    real = io.FileIO.write

    class Short(io.FileIO):
        def write(self, data):
            return real(self, memoryview(data)[:7])

    monkeypatch.setattr("builtins.open", lambda fd, *_, **__: Short(fd, "wb"))
    files.publish_file(tmp_path / "file", bytes(range(256)))
    monkeypatch.undo()
    assert (tmp_path / "file").read_bytes() == bytes(range(256))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.EACCES, AccessDeniedError),
        (errno.EPERM, AccessDeniedError),
        (errno.EROFS, CannotCreateError),
        (errno.ENOENT, CannotCreateError),
    ],
)
def test_each_error_of_the_system_has_its_kind(tmp_path, monkeypatch, code, kind):
    for result in with_faults(monkeypatch, code, lambda: files.publish_file(tmp_path / "f", b"x")):
        assert type(result) is kind


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.publish_file(tmp_path / "file", b"x")
        files.publish_folder(tmp_path / "folder", write_two, RECORD)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750


def test_a_manifest_has_the_size_and_hash_of_each_file(tmp_path):
    files.publish_folder(tmp_path / "folder", write_two, RECORD | {"more": [1]})
    record = json.loads((tmp_path / "folder" / "MANIFEST.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(b"alpha").hexdigest()
    assert record["files"]["a.txt"] == {"bytes": 5, "sha256": digest}
    assert set(record["files"]) == {"a.txt", "b.bin"}
    assert (record["format"], record["more"]) == ("test", [1])


def test_a_published_folder_does_not_change(tmp_path):
    files.publish_folder(tmp_path / "folder", write_two, RECORD)
    before = tree(tmp_path)
    with pytest.raises(CannotCreateError, match="found files"):
        files.publish_folder(
            tmp_path / "folder", lambda folder: (folder / "c").write_bytes(b"c"), RECORD
        )
    assert tree(tmp_path) == before


def test_an_empty_folder_may_be_taken(tmp_path):
    (tmp_path / "folder").mkdir()
    files.publish_folder(tmp_path / "folder", write_two, RECORD)
    assert (tmp_path / "folder" / "MANIFEST.json").exists()


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    def fail(folder):
        write_two(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.publish_folder(tmp_path / "folder", fail, RECORD)
    assert not any(tmp_path.iterdir())


def test_links_are_a_second_name_of_the_same_bytes(tmp_path):
    files.publish_folder(tmp_path / "one", write_two, RECORD)
    files.publish_copy(tmp_path / "one", ["a.txt", "b.bin", "MANIFEST.json"], tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    files.remove_folder(tmp_path / "one")
    record = manifest.read_manifest(tmp_path / "two", format_name="test", version=1)
    manifest.verify_files(tmp_path / "two", record)


def test_where_no_link_is_to_be_had_the_bytes_are_copied(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "other file system")

    monkeypatch.setattr(os, "link", refuse)
    files.publish_folder(tmp_path / "one", write_two, RECORD)
    files.publish_copy(tmp_path / "one", ["a.txt", "b.bin", "MANIFEST.json"], tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputMissingError):
        files.read_bytes(tmp_path / "absent")
    with pytest.raises(InputMissingError):
        files.sha256_of(tmp_path / "absent")


def test_a_torn_last_line_is_closed_by_the_next_writer(tmp_path):
    log = tmp_path / "log"
    files.append_line(log, "one")
    with log.open("ab") as file:
        file.write(b'{"tor')
    files.append_line(log, "two")
    files.append_line(log, "drei ü")
    assert log.read_bytes() == 'one\n{"tor\ntwo\ndrei ü\n'.encode()


def test_reserving_more_than_is_free_is_refused(tmp_path):
    files.reserve(tmp_path, 1)
    with pytest.raises(StorageError, match="free bytes, found"):
        files.reserve(tmp_path, 1 << 60)


def test_temporaries_are_swept_and_nothing_else(tmp_path):
    for name in (".tmp-1", ".trash-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").touch()
    (tmp_path / ".tmp-3").touch()
    (tmp_path / "kept.tmp-").touch()
    files.sweep_temporaries(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.tmp-"]
    files.sweep_temporaries(tmp_path / "absent")


HOLD = """\
import sys, time
from pathlib import Path
from paribus.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of tmp_path."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_holder_is_refused_with_pid_and_host(tmp_path, holder):
    start = time.monotonic()
    with pytest.raises(UnavailableError) as caught, files.locked(tmp_path):
        pass
    assert time.monotonic() - start < 1
    assert caught.value.exit_code == 69
    assert f"pid {holder.pid} on host {socket.gethostname()}" in str(caught.value)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_the_lock_of_a_killed_holder_is_free_at_once(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with files.locked(tmp_path):
        record = json.loads((tmp_path / "run.lock.json").read_text(encoding="utf-8"))
    assert record["pid"] == os.getpid()


def test_a_lock_is_free_again_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), files.locked(tmp_path):
        raise ZeroDivisionError
    with files.locked(tmp_path):
        pass


HOLD_WORKSHOP = """
import sys, time
from pathlib import Path
from paribus.files import temporary_folder
with temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "large").touch()
    print(folder.name, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_what_a_killed_writer_left_is_removed_by_the_next_one_only(tmp_path):
    def publish(name):
        files.publish_folder(tmp_path / name, lambda folder: (folder / "f").touch(), {})

    command = [sys.executable, "-c", HOLD_WORKSHOP, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        publish("while it lives")
        assert (tmp_path / name / "large").exists()
        process.kill()
    own = {".tmp-mine", ".tmp-mine.lock", ".old-after its end"}
    for name in own:
        (tmp_path / name).mkdir()
    publish("after its end")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"while it lives", "after its end"} | own


def test_a_new_file_never_takes_the_place_of_another(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.publish_file(path, b"first", replaces=False)
    with pytest.raises(
        CannotCreateError, match=r"File exists: .*file\. Remove it, or choose another name"
    ):
        files.publish_file(path, b"second", replaces=False)

    def no_link(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_link)  # as on a file system without links
    with pytest.raises(CannotCreateError, match="expected no such file"):
        files.publish_file(path, b"third", replaces=False)
    files.publish_file(tmp_path / "other", b"fourth", replaces=False)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {
        "file": b"first",
        "other": b"fourth",
    }


def test_a_limit_on_file_size_is_no_full_disk(tmp_path, monkeypatch):
    results = with_faults(
        monkeypatch, errno.EFBIG, lambda: files.publish_file(tmp_path / "file", b"x")
    )
    assert all("limit on file size" in str(result) for result in results)


def test_a_file_whose_writer_fails_is_not_published(tmp_path):
    def write(temporary):
        temporary.write_bytes(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        files.publish_written(tmp_path / "ids.npy", write)
    assert list(tmp_path.iterdir()) == []


def test_a_written_file_takes_no_name_that_is_taken(tmp_path):
    (tmp_path / "ids.npy").write_bytes(b"old")
    with pytest.raises(CannotCreateError):
        files.publish_written(
            tmp_path / "ids.npy", lambda path: path.write_bytes(b"new"), replaces=False
        )
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_only_regular_files_are_read_and_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    for name, kind in (("pipe", "a pipe"), ("link", "a pipe"), ("folder", "a folder")):
        for read in (files.read_bytes, files.sha256_of, files.open_regular):
            with pytest.raises(DataError, match=f"{name}: expected a file, found {kind}"):
                read(tmp_path / name)
    with pytest.raises(DataError, match="found a device"):
        files.read_bytes(Path(os.devnull))


def test_a_copy_is_of_the_named_files_alone(tmp_path):
    files.publish_folder(tmp_path / "one", write_two, RECORD)
    (tmp_path / "one" / "foreign").touch()
    files.publish_copy(tmp_path / "one", ["a.txt"], tmp_path / "two")
    assert tree(tmp_path / "two") == {"a.txt": b"alpha"}
    with pytest.raises(InputMissingError, match="absent"):
        files.publish_copy(tmp_path / "one", ["a.txt", "absent"], tmp_path / "three")
    assert not (tmp_path / "three").exists()
