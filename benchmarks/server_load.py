"""What a trial asks of the servers behind a sweep: `python benchmarks/server_load.py`.

No target: these are the figures of the arithmetic in docs/server.md. Sweeps over seeds run in this process
against a real MLflow server (on SQLite: the requests are the same) and a study in a database or a file.
Requests are counted where they leave, statements where SQLAlchemy hands them to the driver. A trial's load is
the difference between sweeps of more and fewer trials, an epoch's that between sweeps of longer and shorter
ones; metrics travel at most once an interval, so short epochs share a request.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
import sqlalchemy
from commands import load, scratch

from bcdl.cli import main as bcdl

FEW, MANY = 2, 6  # trials
SHORT, LONG = 2, 12  # epochs
TINY = ("data=phantom", "data.reader.patients=24", "data.reader.size=[64,32]", "encoder.widths=[4,8]")
COMMAND = ("train", "-m", *TINY, "data.batch_size=16", "trainer.accelerator=cpu")
Load = Counter[str]


def main() -> None:
    print(load())
    with scratch() as folder, tracking_server(folder) as server:
        sweep(folder, 1, SHORT, "warm-up", server)  # image store, schemas
        few, many = (sweep(folder, trials, SHORT, f"of-{trials}", server) for trials in (FEW, MANY))
        show("a trial", per(many, few, MANY - FEW))
        long = sweep(folder, FEW, LONG, "long", server)
        show("an epoch", per(long, few, FEW * (LONG - SHORT)))
        pruned = sweep(folder, FEW, LONG, "pruned", server, "sweep.prune.by=median")
        show("an epoch with pruning, in addition", per(pruned, long, FEW * LONG))
        journal = journal_bytes(folder, MANY) - journal_bytes(folder, FEW)
    print(f"study in a file: {journal / (MANY - FEW):,.0f} bytes a trial")


def per(more: Load, less: Load, number: int) -> dict[str, float]:
    """Return the load of one of `number` things by which two loads differ."""
    return {name: (more[name] - less[name]) / number for name in sorted(more.keys() | less.keys())}


def show(what: str, loads: dict[str, float]) -> None:
    """Print loads, a line each."""
    print(f"{what}:")
    for name, value in loads.items():
        if abs(value) > 0.005:
            print(f"  {name:<44} {value:>12,.2f}")


def sweep(folder: Path, trials: int, epochs: int, name: str, server: "Server", *more: str) -> Load:
    """Return what a sweep over seeds asks of the servers, with its study in a database."""
    study = f"sweep.storage=sqlite:///{folder}/study.db"
    return _counted(
        server, f"seed=range({trials})", f"trainer.max_epochs={epochs}", f"sweep.name={name}", study, *more
    )


def journal_bytes(folder: Path, trials: int) -> int:
    """Return the bytes that the study of a sweep takes in a journal file."""
    name = f"journal-{trials}"
    _run(f"seed=range({trials})", f"trainer.max_epochs={SHORT}", f"sweep.name={name}")
    return (folder / "runs" / "sweeps" / name / "study.journal").stat().st_size


class Server:
    """A running MLflow server.

    Args:
        process: its first process, which leads its group.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._group = process.pid

    @property
    def seconds(self) -> float:
        """Processor time that all its processes have taken. Linux only."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12]) if int(fields[2]) == self._group else 0
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def tracking_server(folder: Path) -> Iterator[Server]:
    """Run an MLflow server that serves artifacts, and let runs be tracked there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
    ]
    command += ["--serve-artifacts", "--artifacts-destination", f"{folder}/artifacts", "--port", port]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command += ["--workers", "1"]
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(
        command, env=environment, stdout=nowhere, stderr=nowhere, start_new_session=True
    )
    try:
        _await_answer(f"http://127.0.0.1:{port}/health")
        os.environ["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{port}"
        yield Server(process)
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _await_answer(address: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.2)
    raise SystemExit(f"the MLflow server does not answer at {address}")


def _counted(server: Server, *overrides: str) -> Load:
    counts: Load = Counter()
    before = server.seconds
    with _requests_counted(counts), _statements_counted(counts):
        _run(*overrides)
    counts["seconds of the server's processor"] = server.seconds - before  # type: ignore[assignment]
    return counts


def _run(*overrides: str) -> None:
    code = bcdl([*COMMAND, *overrides])
    if code:
        raise SystemExit(f"the sweep ended with exit code {code}")


@contextmanager
def _requests_counted(counts: Load) -> Iterator[None]:
    send = requests.Session.send

    def count(
        session: requests.Session, request: requests.PreparedRequest, **kwargs: object
    ) -> requests.Response:
        start = request.path_url.partition("?")[0].removeprefix("/api/2.0/")
        what = "artifacts" if start.startswith("mlflow-artifacts") else start
        counts["requests"] += 1
        counts[f"  {what}"] += 1
        counts["bytes sent"] += int(request.headers.get("Content-Length", 0))
        return send(session, request, **kwargs)

    requests.Session.send = count  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        requests.Session.send = send  # type: ignore[method-assign]


@contextmanager
def _statements_counted(counts: Load) -> Iterator[None]:
    def count(connection: object, cursor: object, statement: str, *others: object) -> None:
        word = statement.split(maxsplit=1)[0].upper()
        counts["statements to the study"] += 1
        counts[f"  {word}"] += 1

    def commit(connection: object) -> None:
        counts["transactions of the study"] += 1

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", count)
    sqlalchemy.event.listen(sqlalchemy.Engine, "commit", commit)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", count)
        sqlalchemy.event.remove(sqlalchemy.Engine, "commit", commit)


if __name__ == "__main__":
    main()
