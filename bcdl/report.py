"""`bcdl report`: where a run's report lies, as a file, a PDF, or in the browser; it computes nothing."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bcdl.errors import UserError
from bcdl.tracking.options import add_store_arguments

if TYPE_CHECKING:
    from bcdl.tracking import TrackingStore

PAGE = "report/report.html"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `bcdl report`."""
    parser.add_argument("run", metavar="RUN", help="run id, 4 or more characters of it, run name, or latest")
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the page to FILE, an .html file")
    parser.add_argument("--pdf", type=Path, metavar="FILE", help="also write it as a PDF to FILE")
    add_store_arguments(parser)


def main(options: argparse.Namespace) -> None:
    """Print where the report of a run lies; fetch it from a store that is a server.

    Raises:
        UserError: there is no such run, it has no report, or a file cannot be written.
    """
    import webbrowser

    from bcdl.pages import require_pdf, to_pdf
    from bcdl.tracking import TrackingStore

    for file, option, ending in ((options.out, "--out", ".html"), (options.pdf, "--pdf", ".pdf")):
        if file and file.suffix != ending:
            raise UserError(f"expected {option} to name a {ending} file, found '{file}'")
    if options.pdf:
        require_pdf()
    store = TrackingStore.open(options.tracking_root, options.experiment, create=False)
    page = _page(store, store.resolve(options.run))
    if options.out:
        _write(page.read_bytes(), options.out, "--out")
        page = options.out
    print(f"{page}: the report")
    if options.pdf:
        _write(to_pdf(page.read_text(encoding="utf-8")), options.pdf, "--pdf")
        print(f"{options.pdf}: the same as a PDF")
    if options.open and not webbrowser.open(page.resolve().as_uri()):
        print("There is no browser to open it in: open the file yourself.")


def _page(store: "TrackingStore", run_id: str) -> Path:
    """Return the file of a run's report, here."""
    if store.has_artifact(run_id, PAGE):
        return store.download(run_id, PAGE)
    run = store.client.get_run(run_id).info
    raise UserError(
        f"the run {run.run_name} ({run.status}) has no report: a run has none without test samples, with "
        f"evaluate.report=false, or before its end. Make one: bcdl evaluate run={run_id[:8]} "
        "evaluate.report=true"
    )


def _write(content: bytes, file: Path, option: str) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UserError(
            f"cannot write {file} ({error.strerror or error}); give {option} a file in a folder that exists"
        ) from error
