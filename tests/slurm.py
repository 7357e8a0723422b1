"""A real Slurm of one node on this machine: munge, controller and node daemon in a folder of their own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1
KillWait=20
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def require_slurm() -> None:
    """Skip where Slurm is not installed; fail in continuous integration."""
    missing = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    if os.geteuid() != 0:
        missing.append("root's rights")
    if missing:
        text = f"a real Slurm needs {', '.join(missing)}: apt-get install slurm-wlm munge, and run as root"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(text)


@contextmanager
def slurm_cluster() -> Iterator[Path]:
    """Start a cluster and yield its configuration file; every daemon has ended afterwards."""
    require_slurm()
    with tempfile.TemporaryDirectory(prefix="slurm") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "munge.key").write_bytes(os.urandom(1024))
        (folder / "munge.key").chmod(0o600)
        for each in ("state", "spool"):
            (folder / each).mkdir()
        configuration = folder / "slurm.conf"
        configuration.write_text(_configuration(folder))
        _start(stack, folder, configuration, ["munged", "--foreground", "--force", *_munge(folder)])
        _await((folder / "munge.socket").exists, folder)
        _start(stack, folder, configuration, ["slurmctld", "-D"])
        _start(stack, folder, configuration, ["slurmd", "-D"])
        _await(lambda: _idle(configuration), folder)
        stack.callback(
            subprocess.run, ["scancel", "--user=root"], env=_environment(configuration), check=False
        )
        yield configuration


def _configuration(folder: Path) -> str:
    controller, node = _free_ports(2)
    host = socket.gethostname().partition(".")[0]
    cores = len(os.sched_getaffinity(0))
    return CONFIGURATION.format(host=host, controller=controller, node=node, folder=folder, cores=cores)


def _munge(folder: Path) -> list[str]:
    """Return munge's options; it is forced to use a socket that only root can reach, as only root does."""
    places = {
        "key-file": "key",
        "socket": "socket",
        "pid-file": "pid",
        "log-file": "log",
        "seed-file": "seed",
    }
    return [f"--{option}={folder / f'munge.{ending}'}" for option, ending in places.items()]


def _start(stack: ExitStack, folder: Path, configuration: Path, command: Sequence[str]) -> None:
    log = stack.enter_context((folder / f"{command[0]}.out").open("wb"))
    daemon = subprocess.Popen(command, stdout=log, stderr=log, env=_environment(configuration))
    stack.callback(daemon.wait)
    stack.callback(daemon.terminate)


def _idle(configuration: Path) -> bool:
    command = ["sinfo", "--noheader", "--format=%T"]
    said = subprocess.run(
        command, env=_environment(configuration), capture_output=True, text=True, check=False
    )
    return said.stdout.split() == ["idle"]


def _await(ready: Callable[[], bool], folder: Path) -> None:
    for _ in range(300):
        if ready():
            return
        time.sleep(0.1)
    logs = [path.read_text() for path in sorted(folder.glob("*.out"))]
    pytest.fail("Slurm did not start:\n" + "\n".join(logs))


def _environment(configuration: Path) -> dict[str, str]:
    return {**os.environ, "SLURM_CONF": str(configuration), "PATH": _path()}


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
