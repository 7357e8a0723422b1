import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bcdl.data.readers.download import download, file_md5
from bcdl.errors import UserError

CONTENT = bytes(range(256)) * 4096  # 1 MiB
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves the content at /whole, half of it at /cut, and nothing elsewhere."""

    def do_GET(self) -> None:
        if self.path not in ("/whole", "/cut"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // (1 if self.path == "/whole" else 2)])

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_a_file_is_fetched_into_a_new_folder(server: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.npz"
    download(f"{server}/whole", path, MD5)
    assert path.read_bytes() == CONTENT
    assert file_md5(path) == MD5
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("page", "md5", "message"),
    [
        ("nowhere", MD5, r"nowhere: expected the file, found HTTP 404 \(Not Found\); .*by hand"),
        ("cut", MD5, rf"cut: (expected a file of MD5 {MD5}, found|cannot be reached)"),
        ("whole", "0" * 32, rf"expected a file of MD5 0{{32}}, found {MD5}; nothing was kept"),
    ],
)
def test_a_failed_download_leaves_everything_as_it_was(
    page: str, md5: str, message: str, server: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.npz"
    path.write_bytes(b"older")
    with pytest.raises(UserError, match=message):
        download(f"{server}/{page}", path, md5)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("file.npz", b"older")]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/file", "no address"])
def test_an_address_without_an_answer_is_explained(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(UserError, match=rf"{url}: cannot be reached .*put it at {tmp_path}"):
        download(url, tmp_path / "file.npz", MD5)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_explained(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*another data\.root"):
        download(f"{server}/whole", tmp_path / "file" / "file.npz", MD5)
