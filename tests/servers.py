"""Real services for tests: Debian's PostgreSQL, and an MLflow server that serves its artifacts."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PACKAGE = "postgresql"  # of Debian; `.ci/run` installs it
BINARIES = Path("/usr/lib/postgresql")
OWNER = "postgres"  # PostgreSQL refuses to run as root
START_LIMIT = 120  # seconds
LOCAL = "127.0.0.1"


def require_postgresql() -> Path:
    """Return the folder of PostgreSQL's programs; without them a test fails in CI, else it is skipped."""
    found = sorted(BINARIES.glob("*/bin/initdb"))
    if not found:
        reason = f"needs PostgreSQL: no {BINARIES}/*/bin/initdb (apt-get install {PACKAGE})"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found[-1].parent


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgresql() -> Iterator["PostgreSQL"]:
    """Run a throwaway PostgreSQL; nothing of it is left behind."""
    binaries = require_postgresql()
    folder = Path(tempfile.mkdtemp(prefix="bcdl-postgresql-", dir="/tmp"))  # where its owner may go
    server = PostgreSQL(binaries, folder, free_port())
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class PostgreSQL:
    """A PostgreSQL server with a cluster of its own.

    Attributes:
        binaries: folder of its programs.
        folder: where its cluster lies.
        port: on this machine.
    """

    binaries: Path
    folder: Path
    port: int

    def create(self) -> None:
        """Make an empty cluster, as the user that PostgreSQL may run as."""
        if os.geteuid() == 0:
            owner = pwd.getpwnam(OWNER)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        options = ("--auth=trust", f"--username={OWNER}", "--no-sync", "--encoding=UTF8", "--locale=C")
        self._run("initdb", f"--pgdata={self.folder}/data", *options)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = f"-p {self.port} -c listen_addresses={LOCAL} -k {self.folder} -c fsync=off"
        log = f"{self.folder}/log"
        self._run("pg_ctl", f"--pgdata={self.folder}/data", f"--log={log}", "-w", "-o", settings, "start")

    def stop(self) -> None:
        """Stop it at once; connections are cut."""
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", f"--pgdata={self.folder}/data", "-m", "immediate", "-w", "stop")

    def database(self, name: str) -> str:
        """Make an empty database and return its address."""
        self._run("createdb", f"--host={LOCAL}", f"--port={self.port}", f"--username={OWNER}", name)
        return f"postgresql+psycopg2://{OWNER}@{LOCAL}:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        as_owner = ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []
        command = [*as_owner, str(self.binaries / program), *arguments]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)


@dataclass
class MlflowServer:
    """An MLflow server that can be killed and started again at the same address.

    Attributes:
        backend: address of its database.
        folder: where its artifacts and its log lie.
        workers: how many processes answer.
        port: on this machine.
    """

    backend: str
    folder: Path
    workers: int = 1
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """What MLFLOW_TRACKING_URI is set to."""
        return f"http://{LOCAL}:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self.backend),
            *("--serve-artifacts", "--artifacts-destination", str(self.folder / "artifacts")),
            *("--host", LOCAL, "--port", str(self.port), "--workers", str(self.workers)),
        ]
        own = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        outer = {name: text for name, text in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=outer | own, stdout=log, stderr=log, start_new_session=True
            )
        self._await_answer()

    def kill(self) -> None:
        """End all of its processes with SIGKILL, as a crash of its machine would."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def revive(self) -> None:
        """Start it unless it runs."""
        if self._process is None:
            self.start()

    def receiving(self) -> bool:
        """Return whether it has a part of an uploaded file: it gives a whole one its name."""
        return any(file.name.startswith(".") for file in self.folder.glob("artifacts/**/*"))

    def __enter__(self) -> "MlflowServer":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return
            assert self._process is not None
            if self._process.poll() is not None:
                break
            time.sleep(0.2)
        pytest.fail(f"the MLflow server did not start:\n{(self.folder / 'log').read_text()[-3000:]}")
