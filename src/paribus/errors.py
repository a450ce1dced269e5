"""Everything a user can cause, one class per exit code.

A message is one line: what and where, what was expected, what was found, what to do.
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
    """A setting or a command line that means nothing; a ValueError too, as Python's own are."""

    exit_code = 2


class DataError(ParibusError):
    """A file whose content is not what it says it is."""

    exit_code = 65


class InputMissingError(ParibusError):
    """An input that is not there."""

    exit_code = 66


class UnavailableError(ParibusError):
    """A lock that is held, a device or an optional package that is absent."""

    exit_code = 69


class NonFiniteError(ParibusError):
    """A loss or a gradient norm that is not a finite number."""

    exit_code = 70


class OutOfMemoryError(ParibusError):
    """Memory that could not be had."""

    exit_code = 71


class CannotCreateError(ParibusError):
    """An output that cannot be made: it exists, or its file system is read-only."""

    exit_code = 73


class StorageError(ParibusError):
    """A read or a write that failed, or a full disk."""

    exit_code = 74


class CheckFailedError(ParibusError):
    """A proof that did not hold."""

    exit_code = 76


class AccessDeniedError(ParibusError):
    """A file that may not be read or written."""

    exit_code = 77


class StoppedError(ParibusError):
    """A run that saved its state and left because a signal asked it to."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


class _Known(NamedTuple):
    """What an error number of the system means to a user."""

    kind: type[ParibusError]
    expected: str
    found: str
    advice: str


_NO_ROOM = _Known(StorageError, "room on the disk", "none", "Free some space")
_TAKEN = _Known(
    CannotCreateError, "nothing of this name", "something", "Remove it, or choose another name"
)
_DENIED = _Known(
    AccessDeniedError, "the right to use it", "none", "Ask its owner, or choose another place"
)
_BY_ERRNO: dict[int, _Known] = {
    errno.ENOENT: _Known(InputMissingError, "a file or folder", "none", "Check the name"),
    errno.EROFS: _Known(
        CannotCreateError, "a file system to write to", "one to read", "Choose another place"
    ),
    errno.EEXIST: _TAKEN,
    errno.ENOTEMPTY: _TAKEN,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ENOTDIR: _Known(InputMissingError, "a folder before each /", "a file", "Check the name"),
    errno.EISDIR: _Known(DataError, "a file", "a folder", "Name a file"),
    errno.ENAMETOOLONG: _Known(
        InputMissingError, "a name that the file system takes", "a longer one", "Choose a shorter"
    ),
    errno.ELOOP: _Known(DataError, "a file or folder", "links in a circle", "Mend the links"),
    errno.ENOMEM: _Known(
        OutOfMemoryError, "memory", "none left", "End other programs, or work on less"
    ),
    errno.ENOSPC: _NO_ROOM,
    getattr(errno, "EDQUOT", errno.ENOSPC): _NO_ROOM,
    errno.EFBIG: _Known(
        StorageError, "a file within the limit on file size", "a larger one", "Raise the limit"
    ),
}
_UNKNOWN = _Known(StorageError, "a read or a write that works", "a failure", "Check the disk")


def from_os_error(
    error: OSError, path: str | Path | None = None, *, creating: bool = False
) -> ParibusError:
    """The ParibusError that stands for `error`; a failure it does not know is a StorageError.

    With `creating`, what is missing is not an input: the output cannot be made.
    """
    where = path if path is not None else error.filename or "a file or stream"
    known = _BY_ERRNO.get(error.errno or 0, _UNKNOWN)
    if creating and known.kind is InputMissingError:
        known = known._replace(kind=CannotCreateError)
        if error.errno == errno.ENOENT:
            known = known._replace(expected="a folder to put it in", advice="Make the folder first")
    return known.kind(
        f"{where}: expected {known.expected}, found {known.found} ({error.strerror or error}). "
        f"{known.advice}"
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory could not be had: PyTorch says so in a RuntimeError."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and any(words in str(error) for words in ("out of memory", "can't allocate memory"))
    )


def first_line(error: BaseException) -> str:
    """What `error` says, without the frames of C++ that PyTorch lists below it."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def exit_code_of(error: BaseException) -> int:
    """What a command ends with after `error`; 70 for one that nobody expected."""
    if is_out_of_memory(error):
        return OutOfMemoryError.exit_code
    if isinstance(error, OSError):
        error = from_os_error(error)
    return error.exit_code if isinstance(error, ParibusError) else ParibusError.exit_code
