"""Everything a user can cause, one class per exit code.

A message is one line: what and where, what was expected, what was found, what to do.
"""

import errno
from pathlib import Path


class ParibusError(Exception):
    """Base of all errors that Paribus raises on purpose; the command line prints it in one line."""

    exit_code = 70


class ConfigError(ParibusError, ValueError):
    """A setting or a command line that means nothing; a ValueError too, which pydantic collects."""

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


_BY_ERRNO: dict[int, type[ParibusError]] = {
    errno.ENOENT: InputMissingError,
    errno.EROFS: CannotCreateError,
    errno.EEXIST: CannotCreateError,
    errno.ENOTEMPTY: CannotCreateError,
    errno.EACCES: AccessDeniedError,
    errno.EPERM: AccessDeniedError,
    errno.ENOTDIR: InputMissingError,
    errno.EISDIR: DataError,
    errno.ENAMETOOLONG: InputMissingError,
    errno.ELOOP: DataError,
    errno.ENOMEM: OutOfMemoryError,
}


def from_os_error(
    error: OSError, path: str | Path | None = None, *, creating: bool = False
) -> ParibusError:
    """The ParibusError that stands for `error`; a failure it does not know is a StorageError.

    With `creating`, what is missing is not an input: the output cannot be made.
    """
    where = path if path is not None else error.filename
    kind = _BY_ERRNO.get(error.errno or 0, StorageError)
    if creating and kind is InputMissingError:
        kind = CannotCreateError
    return kind(f"{where}: {error.strerror or error}" if where else str(error))


def exit_code_of(error: BaseException) -> int:
    """What a command ends with after `error`; 70 for one that nobody expected."""
    if isinstance(error, MemoryError):
        return OutOfMemoryError.exit_code
    if isinstance(error, OSError):
        error = from_os_error(error)
    return error.exit_code if isinstance(error, ParibusError) else ParibusError.exit_code
