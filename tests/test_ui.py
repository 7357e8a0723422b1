import os
import socket
from argparse import ArgumentParser
from pathlib import Path

import pytest

from bcdl.errors import UserError
from bcdl.ui import add_options, main


def ui(*arguments: str) -> None:
    parser = ArgumentParser()
    add_options(parser)
    main(parser.parse_args(list(arguments)))


@pytest.fixture
def started(tracking_root: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that the process would have become."""
    commands: list[list[str]] = []
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "")
    monkeypatch.setattr(os, "execv", lambda program, command: commands.append(command))
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    return commands


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_server_opens_the_configured_store(
    started: list[list[str]], tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    ui("--port", str(port))
    assert os.environ["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{tracking_root}/mlflow.db"
    assert f"--port {port}" in " ".join(started[0])
    address = f"http://127.0.0.1:{port}/#/experiments/1/runs?workflowType=machine_learning"
    assert address in capsys.readouterr().out


def test_a_busy_port_is_a_users_error(started: list[list[str]]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="--port"):
            ui("--port", str(taken.getsockname()[1]))
    assert not started
