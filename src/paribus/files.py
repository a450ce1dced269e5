"""The only writers of final names, the lock of a folder, and how each platform keeps files.

A published file or folder appears under its name whole or not at all; after that it never changes.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paribus.errors import (
    CannotCreateError,
    DataError,
    ParibusError,
    StorageError,
    UnavailableError,
    from_os_error,
)

if TYPE_CHECKING:
    from filelock import BaseFileLock

MANIFEST = "MANIFEST.json"
CHECKSUM = "checksum"
"""Last key of a manifest: the checksum of everything else in it."""
REPLACED_PREFIX = ".old-"
TEMPORARY_PREFIXES = (".tmp-", ".trash-", REPLACED_PREFIX)
OWN_LOCK = re.compile(r"\.tmp-[0-9a-f]{16}\.lock")

STOP_SIGNALS: dict[int, int] = {
    getattr(signal, name): code
    for name, code in (("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 75))
    if hasattr(signal, name)
}
"""Signals that ask a run to save and leave, with the exit code of each."""


def publish_file(path: Path, data: bytes | memoryview, *, replaces: bool = True) -> None:
    """Writes `data` under the name `path`: durable, and at no moment half-written.

    Raises StorageError, CannotCreateError or AccessDeniedError; the old file is then still whole.
    Without `replaces` there must be none of this name, also none that has come meanwhile.
    """
    with (
        _named_errors(path, creating=True),
        _temporary_file(path.parent) as (descriptor, temporary),
    ):
        with open(descriptor, "wb", buffering=0) as file:  # unbuffered: nothing is left to flush
            view = memoryview(data).cast("B")
            while view:
                view = view[file.write(view) :]
            os.fsync(descriptor)
        if replaces:
            os.replace(temporary, path)
        else:
            _rename_file(temporary, path)
        sync_folder(path.parent)


def publish_written(path: Path, write: Callable[[Path], None], *, replaces: bool = True) -> None:
    """Publishes the file that `write(temporary)` makes and closes, as `publish_file` does data."""
    with _named_errors(path, creating=True):
        temporary = _unused_name(path.parent, ".tmp-")
        try:
            write(temporary)
            _sync(temporary)
            if replaces:
                os.replace(temporary, path)
            else:
                _rename_file(str(temporary), path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def publish_finished(temporary: Path, path: Path) -> None:
    """Gives a finished file of the same folder its final name, durable and whole."""
    with _named_errors(path, creating=True):
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)


def publish_folder(
    target: Path,
    write_files: Callable[[Path], None],
    record: dict[str, Any],
    *,
    replaces: bool = False,
) -> None:
    """Publishes a flat folder by one rename, with a manifest: sizes, SHA-256, its own checksum.

    `write_files(folder)` writes and closes every file. Where it returns, the folder is durable.
    Raises CannotCreateError where `target` holds files: what is published does not change, but
    with `replaces` the new folder takes its place once it is durable.
    """
    with _named_errors(target, creating=True):
        make_folder(target.parent)
        with temporary_folder(target.parent) as temporary:
            write_files(temporary)
            files = {path.name: _synced_entry(path) for path in sorted(temporary.iterdir())}
            record = record | {"files": files}
            record |= {CHECKSUM: record_checksum(record)}
            text = json.dumps(record, indent=1, allow_nan=False)
            publish_file(temporary / MANIFEST, text.encode())
            if replaces and target.exists():
                _replace_folder(temporary, target)
            else:
                _rename_folder(temporary, target)
        sync_folder(target.parent)


def record_checksum(record: dict[str, Any]) -> str:
    """SHA-256 of a manifest as canonical JSON: keys sorted, no spaces, without the checksum."""
    rest = {key: value for key, value in record.items() if key != CHECKSUM}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_unused(target: Path) -> None:
    """Refuses, before any work, a name that publish_folder could not take.

    Raises CannotCreateError where there is a file, or a folder that holds something.
    """
    with _named_errors(target, creating=True):
        is_used = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if is_used:
        raise CannotCreateError(
            f"{target}: expected no such folder or an empty one, found files. "
            "Remove it, or choose another name"
        )


def check_absent(target: Path) -> None:
    """Refuses, before any work, a name that publish_file could not take without `replaces`."""
    with _named_errors(target, creating=True):
        exists = target.is_symlink() or target.exists()
    if exists:
        found = "a folder" if target.is_dir() else "one"
        raise CannotCreateError(
            f"{target}: expected no such file, found {found}. Remove it, or choose another name"
        )
    if not target.parent.is_dir():
        raise CannotCreateError(
            f"{target}: expected a folder to put it in, found none. Make the folder first"
        )


def open_regular(path: Path) -> BufferedReader:
    """Opens a regular file for reading; a pipe or a device is refused, never waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with _named_errors(path):
        check_regular(path, os.stat(path))
        file = open(os.open(path, flags), "rb")  # noqa: SIM115 - the caller closes it
        try:
            check_regular(path, os.fstat(file.fileno()))  # another may have taken its place
        except BaseException:
            file.close()
            raise
    return file


def check_regular(path: Path, status: os.stat_result) -> None:
    """Raises DataError unless `status` is that of a regular file."""
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise DataError(f"{path}: expected a file, found {kind}. Name a regular file")


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_bytes(path: Path, *, limit: int | None = None) -> bytes:
    """The content of a regular file; more than `limit` bytes are refused before they are read."""
    with _named_errors(path), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if limit is not None and size > limit:
            raise DataError(f"{path}: expected at most {limit} bytes, found {size}")
        return file.read()


def sha256_of(path: Path) -> str:
    """SHA-256 of a regular file's content, as 64 hexadecimal digits."""
    with _named_errors(path), open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def append_line(path: Path, line: str) -> None:
    """Appends one line to a log; a torn last line of an earlier writer is closed first.

    A link is not followed: it would write into a file that lies elsewhere.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with _named_errors(path, creating=True), open(os.open(path, flags, 0o666), "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line.encode() + b"\n")


def keep_own(path: Path) -> None:
    """Replaces a file that has a second name by a copy: what is appended to one would be in both.

    A folder copied as hard links shares its logs with the original.
    """
    with _named_errors(path):
        if path.exists() and path.stat().st_nlink > 1:
            publish_file(path, read_bytes(path))


def sync_file(path: Path) -> None:
    """Makes what was appended to `path` durable, and its name."""
    with _named_errors(path):
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Makes renames within `path` durable, where the platform can sync a folder."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Makes `path` and its parents where they are not there, durably."""
    with _named_errors(path, creating=True):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            sync_folder(folder.parent)


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A new hidden folder in `parent`, gone at the end unless it is renamed.

    A lock beside it tells a living writer from a killed one, whose folder the next writer removes.
    """
    _sweep_dead(parent)
    folder = _unused_name(parent, ".tmp-")
    lock = _lock_at(Path(f"{folder}.lock"))
    try:
        with lock:
            folder.mkdir()
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(lock.lock_file).unlink(missing_ok=True)


def _sweep_dead(parent: Path) -> None:
    for path in parent.iterdir():
        if not OWN_LOCK.fullmatch(path.name):  # the folder is the user's
            continue
        with contextlib.suppress(OSError), _lock_at(path).acquire(timeout=0):
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink(missing_ok=True)


def publish_copy(source: Path, names: Iterable[str], target: Path) -> None:
    """Publishes the named files of a published folder a second time, as regular files.

    Hard links where possible, since neither copy ever changes; what a link in `source` points to
    is copied.
    """
    with _named_errors(target, creating=True):
        make_folder(target.parent)
        with temporary_folder(target.parent) as temporary:
            for name in names:
                _link_or_copy(source / name, temporary / name)
                _sync(temporary / name)
            sync_folder(temporary)
            _rename_folder(temporary, target)
        sync_folder(target.parent)


def _link_or_copy(source: Path, target: Path) -> None:
    """Gives an immutable regular file a second name: a hard link, or a copy where that fails."""
    try:
        check_regular(source, os.lstat(source))
        os.link(source, target)
    except (OSError, DataError):
        with open_regular(source) as file, _named_errors(target), open(target, "xb") as copy:
            shutil.copyfileobj(file, copy)


def reserve(path: Path, n_bytes: int) -> None:
    """Refuses a long write that cannot fit: the free space must exceed `n_bytes` by 5 %."""
    free = shutil.disk_usage(path).free
    if n_bytes * 1.05 > free:
        raise StorageError(
            f"{path}: expected {int(n_bytes * 1.05)} free bytes, found {free}. "
            "Free some space, or choose another folder"
        )


def remove_folder(path: Path) -> None:
    """Removes a published folder: out of sight by one rename, then file by file."""
    with _named_errors(path):
        trash = _unused_name(path.parent, ".trash-")
        path.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)


def sweep_temporaries(folder: Path) -> None:
    """Removes what a killed writer left in `folder`; call it only while you hold the lock.

    A folder that was being replaced comes back where its successor did not.
    """
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(TEMPORARY_PREFIXES):
            _bring_back(path)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds `run.lock` of `folder`; raises UnavailableError, naming the holder, where it is held.

    The lock is free at once when its holder dies; pid, host and start time stand in a side file.
    """
    make_folder(folder)
    lock = _acquired_lock(folder)
    try:
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}
        publish_file(folder / "run.lock.json", json.dumps(holder).encode())
        yield
    finally:
        lock.release()


def check_unlocked(folder: Path) -> None:
    """Raises UnavailableError where a living process holds the lock of `folder`; writes nothing."""
    if (folder / "run.lock").exists():
        _acquired_lock(folder).release()


def _lock_at(path: Path) -> "BaseFileLock":
    from filelock import FileLock  # 0.07 s, which `paribus --help` need not pay

    return FileLock(path)


def _acquired_lock(folder: Path) -> "BaseFileLock":
    lock = _lock_at(folder / "run.lock")
    with _named_errors(folder, creating=True):
        try:
            lock.acquire(timeout=0)
        except TimeoutError as error:
            raise UnavailableError(
                f"{folder / 'run.lock'}: expected nobody, found {_holder(folder)}. "
                "Wait for it, or choose another run folder"
            ) from error
    return lock


def _holder(folder: Path) -> str:
    try:
        record = json.loads(read_bytes(folder / "run.lock.json", limit=1 << 16))
        return f"pid {record['pid']} on host {record['host']}"
    except (ParibusError, ValueError, LookupError, TypeError):
        return "another process"


@contextlib.contextmanager
def _named_errors(path: Path, *, creating: bool = False) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        known = from_os_error(error, path, creating=creating)
        raise _with_room(known, error, path) from error


def _with_room(known: Exception, error: OSError, path: Path) -> Exception:
    """A full disk also names what is free, so that the reader knows what to do."""
    if error.errno not in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return known
    folder = next((p for p in [path, *path.parents] if p.is_dir()), Path())
    free = shutil.disk_usage(folder).free
    return StorageError(
        f"{path}: expected room on the disk, found {free} free bytes ({error.strerror}). "
        "Free some space and run the same command again; what was saved before is whole"
    )


def _replace_folder(source: Path, target: Path) -> None:
    """Puts `source` in the place of `target`; after a kill in between, a sweep brings it back."""
    replaced = target.with_name(f"{REPLACED_PREFIX}{target.name}")
    os.rename(target, replaced)
    try:
        _rename_folder(source, target)
        sync_folder(target.parent)
    except BaseException:
        _bring_back(replaced)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def _bring_back(replaced: Path) -> None:
    """Gives a folder that was being replaced its name again, where its successor did not come."""
    target = replaced.with_name(replaced.name.removeprefix(REPLACED_PREFIX))
    if replaced != target and replaced.exists() and not target.exists():
        replaced.rename(target)


def _unused_name(folder: Path, prefix: str) -> Path:
    return folder / f"{prefix}{secrets.token_hex(8)}"


@contextlib.contextmanager
def _temporary_file(folder: Path) -> Iterator[tuple[int, str]]:
    # In the same folder: a rename cannot cross file systems.
    temporary = str(_unused_name(folder, ".tmp-"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)  # the kernel applies the umask
    try:
        yield descriptor, temporary
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _sync(path: Path) -> None:
    with open(path, "rb" if os.name == "posix" else "rb+") as file:  # Windows syncs only writers
        os.fsync(file.fileno())


def _synced_entry(path: Path) -> dict[str, Any]:
    _sync(path)
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def _rename_file(source: str, target: Path) -> None:
    """Renames a file to a name that nothing has: a link refuses what a rename would replace."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        check_absent(target)
        os.replace(source, target)
    else:
        os.unlink(source)


def _rename_folder(source: Path, target: Path) -> None:
    try:
        if os.name == "nt" and target.is_dir() and not any(target.iterdir()):
            target.rmdir()  # elsewhere a rename takes an empty folder's place
        os.rename(source, target)
    except OSError as error:
        if target.exists():
            raise CannotCreateError(
                f"{target}: expected no such folder or an empty one, found files. "
                "What is published does not change: remove it, or choose another name"
            ) from error
        raise
