"""A page becomes a PDF without the network; what is missing for it is told."""

import re
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bcdl.errors import UserError
from bcdl.pages import require_pdf, to_pdf

pytest.importorskip("weasyprint")


def test_a_long_page_becomes_several_sheets_of_a4() -> None:
    content = to_pdf("<style>@page { size: A4 }</style><h1>Report</h1>" + "<p>line</p>" * 200)
    assert content.startswith(b"%PDF-")
    streams = re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL)
    objects = b"".join(zlib.decompress(stream) for stream in streams if stream.startswith(b"x"))
    assert objects.count(b"/MediaBox [0 0 595.27") > 1


def test_what_lies_elsewhere_is_not_asked_for() -> None:
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        page = f'<link rel="stylesheet" href="{address}/a.css"><img src="{address}/b.png"><p>text'
        assert to_pdf(page).startswith(b"%PDF-")
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module"), OSError("cannot load library 'pango'")])
def test_a_missing_package_or_library_is_told(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise error

    monkeypatch.setattr("bcdl.pages.pdf.import_module", fails)
    with pytest.raises(UserError, match=r"pip install 'bcdl\[report\]'.*apt-get install libpango"):
        require_pdf()
