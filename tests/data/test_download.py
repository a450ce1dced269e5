import hashlib
import http.server
import threading

import pytest

from paribus.data import download as module
from paribus.data.download import download
from paribus.errors import (
    AccessDeniedError,
    CannotCreateError,
    ConfigError,
    DataError,
    InputMissingError,
    UnavailableError,
)

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Hub:
    """What the server on 127.0.0.1 does, and what it was asked."""

    def __init__(self):
        self.content, self.digest = CONTENT, DIGEST
        self.cut_after = None
        self.cuts_left = 0
        self.ignore_range = False
        self.status = None
        self.etag = True
        self.renamed = False
        self.ranges = []


class Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        hub = self.hub
        self.send_response(hub.status or (307 if hub.renamed and "old" in self.path else 302))
        if hub.renamed and "old" in self.path:
            self.send_header("Location", "/datasets/new/resolve/main/a.txt")
        else:
            self.send_header("Location", "/storage")
            if hub.etag:
                self.send_header("X-Linked-Etag", f'"{hub.digest}"')
                self.send_header("X-Linked-Size", str(len(hub.content)))
        self.end_headers()

    def do_GET(self):
        if self.path != "/storage":
            self.send_response(302)
            self.send_header("Location", "/storage")
            self.end_headers()
            return
        hub, asked = self.hub, self.headers.get("Range")
        hub.ranges.append(asked)
        start = int(asked[6:-1]) if asked and not hub.ignore_range else 0
        if start >= len(hub.content):
            self.send_error(416)
            return
        body = hub.content[start:]
        self.send_response(206 if start else 200)
        if start:
            last = len(hub.content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if hub.cuts_left:
            hub.cuts_left -= 1
            body = body[: hub.cut_after]
        self.wfile.write(body)


@pytest.fixture
def hub(monkeypatch):
    state = Hub()
    handler = type("HubHandler", (Handler,), {"hub": state})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "DATASETS", {"small": ("old/repository", ("a.txt",))})
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_behind_a_redirect_arrives_whole_with_progress(hub, tmp_path):
    seen = []
    paths = download("small", tmp_path / "raw", progress=lambda *values: seen.append(values))
    assert paths == [tmp_path / "raw" / "a.txt"]
    assert paths[0].read_bytes() == CONTENT
    assert left_in(tmp_path / "raw") == ["a.txt"]
    assert seen[-1] == ("a.txt", len(CONTENT), len(CONTENT))


def test_a_cut_connection_is_taken_up_where_it_ended(hub, tmp_path):
    hub.cut_after, hub.cuts_left = 100_000, 3
    [path] = download("small", tmp_path)
    assert path.read_bytes() == CONTENT
    assert hub.ranges == [None, "bytes=100000-", "bytes=200000-", "bytes=300000-"]


def test_a_later_command_goes_on_from_the_part(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 1)

    def stop(name, done, total):
        if done > 300_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "_CHUNK_BYTES", 50_000)
    with pytest.raises(KeyboardInterrupt):
        download("small", tmp_path, progress=stop)
    [part] = left_in(tmp_path)
    assert part.endswith(".part")
    n_bytes = (tmp_path / part).stat().st_size
    [path] = download("small", tmp_path)
    assert path.read_bytes() == CONTENT
    assert hub.ranges == [None, f"bytes={n_bytes}-"]


def test_a_server_that_ignores_the_range_starts_again(hub, tmp_path):
    hub.cut_after, hub.cuts_left, hub.ignore_range = 100_000, 1, True
    [path] = download("small", tmp_path)
    assert path.read_bytes() == CONTENT


def test_a_connection_that_brings_nothing_ends_after_some_attempts(hub, tmp_path):
    hub.cut_after, hub.cuts_left = 0, 100
    with pytest.raises(UnavailableError, match="again to go on"):
        download("small", tmp_path)
    assert len(hub.ranges) == module.ATTEMPTS


def test_a_wrong_hash_publishes_nothing(hub, tmp_path):
    hub.digest = "0" * 64
    with pytest.raises(DataError, match="expected SHA-256 0000000000000000…, found"):
        download("small", tmp_path)
    assert left_in(tmp_path) == []


def test_a_part_of_an_older_version_is_dropped(hub, tmp_path):
    (tmp_path / f".a.txt.{'f' * 16}.part").write_bytes(b"old")
    download("small", tmp_path)
    assert left_in(tmp_path) == ["a.txt"]
    assert hub.ranges == [None]


@pytest.mark.parametrize("n_bytes", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_as_long_as_the_file_or_longer_is_checked_or_dropped(hub, tmp_path, n_bytes):
    (tmp_path / f".a.txt.{DIGEST[:16]}.part").write_bytes((CONTENT + b"extra")[:n_bytes])
    [path] = download("small", tmp_path)
    assert path.read_bytes() == CONTENT


def test_what_is_there_is_checked_and_left_alone(hub, tmp_path):
    download("small", tmp_path)
    hub.ranges.clear()
    download("small", tmp_path)
    assert hub.ranges == []
    (tmp_path / "a.txt").write_bytes(b"mine")
    with pytest.raises(CannotCreateError, match="Remove it"):
        download("small", tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"mine"


def test_a_renamed_repository_is_followed(hub, tmp_path):
    hub.renamed = True
    assert download("small", tmp_path)[0].read_bytes() == CONTENT


def test_an_answer_without_a_hash_is_refused(hub, tmp_path):
    hub.etag = False
    with pytest.raises(DataError, match="X-Linked-Etag"):
        download("small", tmp_path)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, InputMissingError), (403, AccessDeniedError), (503, UnavailableError)],
)
def test_a_refusal_of_the_hub_is_named(hub, tmp_path, status, kind):
    hub.status = status
    with pytest.raises(kind, match=str(status)):
        download("small", tmp_path)


def test_no_server_is_unavailable(hub, tmp_path):
    with pytest.raises(UnavailableError, match="HF_ENDPOINT"):
        download("small", tmp_path, endpoint="http://127.0.0.1:9")


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match="tinystories, openwebtext"):
        download("tinystorys", tmp_path)
