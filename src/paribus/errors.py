"""Everything a user can cause, one class per exit code.

A message is one line, in one of two forms. A wrong value: `key: expected X, found Y. Advice`. A
situation: a plain sentence with the remedy after it, as in `Permission denied: runs/a. Choose a
folder you can write to`.
"""

import errno
from pathlib import Path
from typing import NamedTuple

from paribus.terminal import one_line


class ParibusError(Exception):
    """Base of all errors that Paribus raises on purpose.

    A message is one line, whatever the file names in it contain; each further argument, for a
    further mistake, is a line of its own.
    """

    exit_code = 70

    def __init__(self, *lines: object):
        super().__init__(*(one_line(str(line)) for line in lines))

    def __str__(self) -> str:
        return "\n".join(self.args)


class ConfigError(ParibusError, ValueError):
    """An invalid setting or command line; a ValueError too."""

    exit_code = 2


class DataError(ParibusError):
    """A file whose content is damaged or of another format."""

    exit_code = 65


class InputMissingError(ParibusError):
    """An input that does not exist."""

    exit_code = 66


class UnavailableError(ParibusError):
    """A lock that another process holds, or a missing device or optional package."""

    exit_code = 69


class NonFiniteError(ParibusError):
    """A loss or a gradient norm that is not a finite number."""

    exit_code = 70


class OutOfMemoryError(ParibusError):
    """Not enough memory."""

    exit_code = 71


class CannotCreateError(ParibusError):
    """An output that cannot be created: it exists, or its file system is read-only."""

    exit_code = 73


class StorageError(ParibusError):
    """A failed read or write, or a full disk."""

    exit_code = 74


class CheckFailedError(ParibusError):
    """A check that failed."""

    exit_code = 76


class AccessDeniedError(ParibusError):
    """No permission to read or write a file."""

    exit_code = 77


class StoppedError(ParibusError):
    """A run that saved its state and stopped because of a signal."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


class _Known(NamedTuple):
    """What an error number of the system means to a user, and what to do about it."""

    kind: type[ParibusError]
    remedy: str
    creating: tuple[type[ParibusError], str] | None = None
    """The same for an output, where that differs."""


def _output(remedy: str) -> tuple[type[ParibusError], str]:
    return CannotCreateError, remedy


_DENIED = _Known(
    AccessDeniedError,
    "Ask its owner for access, or choose another file",
    (AccessDeniedError, "Choose a folder you can write to"),
)
_TAKEN = _Known(CannotCreateError, "Remove it, or choose another name")
_UNSUPPORTED = _Known(StorageError, "Choose a folder on another file system")
_BUSY = _Known(StorageError, "Close the program that uses it, and run the command again")
_UNREACHABLE = _Known(StorageError, "Check the network, and run the command again")
_UNKNOWN = _Known(StorageError, "Check the disk, and run the command again")

_BY_NAME: dict[str, _Known] = {
    "ENOENT": _Known(InputMissingError, "Check the name", _output("Make its folder first")),
    "ENOTDIR": _Known(
        InputMissingError,
        "Check the name: a part of it is a file",
        _output("Choose a path whose folders are no files"),
    ),
    "EISDIR": _Known(DataError, "Name a file in it", _output("Choose the name of a file")),
    "ENAMETOOLONG": _Known(InputMissingError, "Check the name", _output("Choose a shorter name")),
    "ELOOP": _Known(
        DataError, "Fix its links: they lead in a circle", _output("Choose a path without links")
    ),
    "EACCES": _DENIED,
    "EPERM": _DENIED,
    "EROFS": _Known(CannotCreateError, "Choose a folder on a disk you can write to"),
    "EEXIST": _TAKEN,
    "ENOTEMPTY": _TAKEN,
    "ENOMEM": _Known(OutOfMemoryError, "Close other programs, or work on less"),
    "ENOSPC": _Known(StorageError, "Free some space, and run the command again"),
    "EDQUOT": _Known(StorageError, "Free some of your quota, and run the command again"),
    "EFBIG": _Known(StorageError, "Raise the limit on file size (ulimit -f), or split the data"),
    "EMFILE": _Known(StorageError, "Raise the limit on open files: ulimit -n 4096"),
    "ENFILE": _Known(StorageError, "Close other programs: the system has no file to open left"),
    "EIO": _Known(StorageError, "Check the disk, or take a copy from another one"),
    "EBUSY": _BUSY,
    "ETXTBSY": _BUSY,
    "EAGAIN": _BUSY,
    "EDEADLK": _BUSY,
    "ENOLCK": _UNSUPPORTED,
    "EINTR": _Known(StorageError, "Run the command again"),
    "EINVAL": _UNSUPPORTED,
    "ENOSYS": _UNSUPPORTED,
    "ENOTSUP": _UNSUPPORTED,
    "EOPNOTSUPP": _UNSUPPORTED,
    "EXDEV": _UNSUPPORTED,
    "EMLINK": _UNSUPPORTED,
    "EOVERFLOW": _UNSUPPORTED,
    "ESPIPE": _Known(StorageError, "Name a file instead of a pipe or a device"),
    "ENODEV": _Known(StorageError, "Check that the device is connected"),
    "ENXIO": _Known(StorageError, "Check that the device is connected"),
    "ESTALE": _UNREACHABLE,
    "ETIMEDOUT": _UNREACHABLE,
    "EHOSTUNREACH": _UNREACHABLE,
    "EHOSTDOWN": _UNREACHABLE,
    "ENETDOWN": _UNREACHABLE,
    "ENETUNREACH": _UNREACHABLE,
    "ECONNREFUSED": _UNREACHABLE,
    "ECONNRESET": _UNREACHABLE,
    "ECONNABORTED": _UNREACHABLE,
    "ENOTCONN": _UNREACHABLE,
    "EREMOTEIO": _UNREACHABLE,
}
"""Not every system has every one of these."""
_BY_NUMBER = {getattr(errno, name): _BY_NAME[name] for name in _BY_NAME if hasattr(errno, name)}


def from_os_error(
    error: OSError, path: str | Path | None = None, *, creating: bool = False
) -> ParibusError:
    """The ParibusError for `error`: what the system says, the path, and what to do about it.

    With `creating`, `path` is an output. A failure that is not listed is a StorageError.
    """
    known = _BY_NUMBER.get(error.errno or 0, _UNKNOWN)
    kind, remedy = known.creating if creating and known.creating else known[:2]
    where = path if path is not None else error.filename
    said = error.strerror or str(error) or type(error).__name__
    return kind(f"{said}: {where}. {remedy}" if where is not None else f"{said}. {remedy}")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` means that memory ran out, which PyTorch reports as a RuntimeError."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and any(words in str(error) for words in ("out of memory", "can't allocate memory"))
    )


def first_line(error: BaseException) -> str:
    """The message of `error` without the C++ frames that PyTorch lists below it."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def exit_code_of(error: BaseException) -> int:
    """The exit code of a command that fails with `error`; 70 if the error is unexpected."""
    if is_out_of_memory(error):
        return OutOfMemoryError.exit_code
    if isinstance(error, OSError):
        error = from_os_error(error)
    return error.exit_code if isinstance(error, ParibusError) else ParibusError.exit_code
