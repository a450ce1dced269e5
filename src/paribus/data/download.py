"""Downloads public data sets from the Hugging Face hub: resumed, checked, published whole.

The hub names the SHA-256 of a file in the header X-Linked-Etag of the redirect with which it
answers. The bytes go into a hidden .part file whose name carries that hash: when the file changes
on the hub, an old part does not fit and is dropped.
"""

import contextlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from paribus.errors import (
    AccessDeniedError,
    CannotCreateError,
    ConfigError,
    DataError,
    InputMissingError,
    ParibusError,
    UnavailableError,
    from_os_error,
)
from paribus.files import make_folder, publish_finished, sha256_of

DEFAULT_ENDPOINT = "https://huggingface.co"
DATASETS = {
    "tinystories": (
        "roneneldan/TinyStories",
        ("TinyStoriesV2-GPT4-train.txt", "TinyStoriesV2-GPT4-valid.txt"),
    ),
    "openwebtext": ("stanford-cs336/owt-sample", ("owt_train.txt.gz", "owt_valid.txt.gz")),
}
"""Name -> repository on the hub, files."""
ATTEMPTS = 5
"""Connections in a row that may end without a new byte."""
TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 1 << 20

Progress = Callable[[str, int, int | None], None]
"""Called with the file's name, the bytes there, and those of the whole file if known."""


@dataclass(frozen=True)
class Remote:
    """A file on the hub, and what the hub says of it."""

    url: str
    name: str
    sha256: str
    n_bytes: int | None


def download(
    name: str, out: Path, *, endpoint: str | None = None, progress: Progress | None = None
) -> list[Path]:
    """Brings the files of a data set into the folder `out`; what is already there stays.

    `endpoint` defaults to $HF_ENDPOINT, then to the hub. Running it again after an interruption
    goes on where it stopped. Raises UnavailableError without a network, InputMissingError for what
    the hub does not have, DataError for a wrong checksum, StorageError.
    """
    if name not in DATASETS:
        raise ConfigError(f"data set: expected one of {', '.join(DATASETS)}, found {name!r}")
    _, files = DATASETS[name]
    return [download_file(name, file, out, endpoint=endpoint, progress=progress) for file in files]


def download_file(
    name: str,
    file: str,
    out: Path,
    *,
    endpoint: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Brings one file of a data set into the folder `out`; raises what `download` raises."""
    repository, _ = DATASETS[name]
    base = (endpoint or os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    make_folder(out)
    return _bring(f"{base}/datasets/{repository}/resolve/main/{file}", out / file, progress)


def _bring(url: str, path: Path, progress: Progress | None) -> Path:
    remote = _look(url, path.name)
    if path.exists():
        if sha256_of(path) == remote.sha256:
            return path
        raise CannotCreateError(
            f"{path}: expected SHA-256 {remote.sha256[:16]}…, found another file. "
            "Remove it, or choose another --out"
        )
    part = path.with_name(f".{path.name}.{remote.sha256[:16]}.part")
    for old in path.parent.glob(f".{path.name}.*.part"):
        if old != part:
            old.unlink()
    _fill(part, remote, progress)
    if (found := sha256_of(part)) != remote.sha256:
        part.unlink()
        raise DataError(
            f"{path}: expected SHA-256 {remote.sha256[:16]}…, found {found[:16]}…. "
            "What came was removed: run the same command again"
        )
    publish_finished(part, path)
    return path


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect to the caller, who reads its headers."""

    def redirect_request(self, req, fp, code, msg, headers, newurl) -> None:
        return None


def _look(url: str, name: str) -> Remote:
    """Asks for the headers of `url`; follows redirects within the host, as renames do."""
    opener = urllib.request.build_opener(_NoRedirect)
    asked, digest = url, ""
    for _ in range(5):
        headers = _headers(opener, asked)
        digest = (headers.get("X-Linked-Etag") or "").removeprefix("W/").strip('"')
        if re.fullmatch(r"[0-9a-f]{64}", digest):
            size = headers.get("X-Linked-Size") or ""
            return Remote(url, name, digest, int(size) if size.isdecimal() else None)
        following = urljoin(asked, headers.get("Location") or "")
        if following == asked or urlsplit(following).netloc != urlsplit(asked).netloc:
            break
        asked = following
    raise DataError(
        f"{url}: expected a SHA-256 in the header X-Linked-Etag, found {digest[:70]!r}. "
        "HF_ENDPOINT must name the hub or a mirror that keeps this header"
    )


def _headers(opener: urllib.request.OpenerDirector, url: str) -> Message:
    request = urllib.request.Request(url, method="HEAD")
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.headers
    except urllib.error.HTTPError as error:
        with error:
            if 300 <= error.code < 400:
                return error.headers
        raise _refusal(url, error.code) from error
    except (OSError, http.client.HTTPException) as error:
        raise _no_network(url, error) from error


def _fill(part: Path, remote: Remote, progress: Progress | None) -> None:
    """Appends to `part` until the file is complete; a cut connection is taken up again."""
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        if before == remote.n_bytes:
            return
        problem = _append(part, remote, before, progress)
        if problem is None:
            return
        after = part.stat().st_size if part.exists() else 0
        failures = 0 if after > before else failures + 1
        if failures == ATTEMPTS:
            raise _no_network(remote.url, problem, f" after {after} bytes")


def _append(part: Path, remote: Remote, start: int, progress: Progress | None) -> Exception | None:
    """Reads one answer into `part`; what ended it early, or None when it was read to its end."""
    request = urllib.request.Request(remote.url)
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # the part is longer than the file: it cannot be right
            part.unlink()
            return error
        if error.code >= 500:
            return error
        raise _refusal(remote.url, error.code) from error
    except (OSError, http.client.HTTPException) as error:
        return error
    with answer:
        if start and not _goes_on(answer, start):
            part.unlink()
        return _copy(answer, part, remote, progress)


def _goes_on(answer: http.client.HTTPResponse, start: int) -> bool:
    """Whether the answer starts where the part ends; a server may ignore the range."""
    content_range = answer.headers.get("Content-Range") or ""
    return answer.status == 206 and content_range.startswith(f"bytes {start}-")


def _copy(
    answer: http.client.HTTPResponse, part: Path, remote: Remote, progress: Progress | None
) -> Exception | None:
    with _opened(part) as file:
        while True:
            try:
                chunk = answer.read1(_CHUNK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                return error
            if not chunk:
                break
            try:
                file.write(chunk)
            except OSError as error:
                raise from_os_error(error, part) from error
            if progress is not None:
                progress(remote.name, file.tell(), remote.n_bytes)
    if answer.length:  # bytes that the answer announced and did not bring
        return ConnectionError(f"{answer.length} bytes are missing")
    return None


@contextlib.contextmanager
def _opened(part: Path):
    try:
        file = part.open("ab", buffering=0)
    except OSError as error:
        raise from_os_error(error, part) from error
    with file:
        yield file


def _refusal(url: str, code: int) -> ParibusError:
    if code in (401, 403):
        return AccessDeniedError(f"{url}: expected an open file, found HTTP {code}")
    if code in (404, 410):
        return InputMissingError(f"{url}: expected a file, found HTTP {code}. Check HF_ENDPOINT")
    return UnavailableError(f"{url}: expected an answer, found HTTP {code}. Try again later")


def _no_network(url: str, error: Exception, where: str = "") -> UnavailableError:
    reason = getattr(error, "reason", None) or error
    return UnavailableError(
        f"{url}: expected an answer, found {reason or type(error).__name__}{where}. Run the same "
        "command again to go on, or set HF_ENDPOINT to a mirror"
    )
