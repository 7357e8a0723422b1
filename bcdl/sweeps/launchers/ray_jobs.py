"""Hydra launcher on a Ray cluster: each job is one task, and one bad job is one bad job.

hydra-ray-launcher waits for its tasks in order and raises for the first whose process or node died; here
every job has an end of its own. Ray never repeats a task by itself: the sweep does, under `sweep.retries`. A
worker process serves one job after another, so that it imports once; where jobs have GPUs, Ray starts a new
process for each, so that the memory of the GPU is free again.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

from bcdl.errors import RunError, UserError
from bcdl.sweeps.launchers.output import LOG, output_to
from bcdl.sweeps.launchers.remote import RemoteJob, failed
from bcdl.sweeps.launchers.remote_launcher import RemoteLauncher, require_installed

if TYPE_CHECKING:
    from ray import ObjectRef

GRACE = 60  # seconds that cancelled jobs may take to end
CONNECT = 10  # seconds that the head of the cluster may take to answer


class RayJobs(RemoteLauncher):
    """Runs each job of a sweep as a task of a Ray cluster.

    Args:
        ray: `init`, the arguments of `ray.init`, and `remote`, the options of a task, as of
            `conf/hydra/launcher/ray.yaml`.
    """

    def __init__(self, ray: DictConfig) -> None:
        self._init, self._options = (_given(ray[part]) for part in ("init", "remote"))

    @property
    def slots(self) -> int:
        """How many jobs the cluster runs at once as it is now, at least 1."""
        ray = self._connected()
        has = ray.cluster_resources()
        needs = {"CPU": self._options.get("num_cpus", 1), "GPU": self._options.get("num_gpus", 0)}
        return max(1, min(int(has.get(kind, 0) / need) for kind, need in needs.items() if need))

    def close(self) -> None:
        """Leave the cluster; one that was started for this sweep ends."""
        if ray := sys.modules.get("ray"):
            ray.shutdown()

    def _require(self) -> None:
        require_installed("ray", "ray", "ray")

    def _outcomes(self, jobs: Sequence[RemoteJob]) -> Sequence[JobReturn]:
        ray = self._connected()
        send = ray.remote(**{**self._options, "max_retries": 0})(run_on_ray)
        sent: list[ObjectRef[JobReturn]] = []
        try:
            sent += [send.options(name=f"bcdl {job.folder.name}").remote(job) for job in jobs]
            return [self._outcome(job, task) for job, task in zip(jobs, sent, strict=True)]
        except BaseException:
            _cancel(sent)
            raise

    def _outcome(self, job: RemoteJob, task: "ObjectRef[JobReturn]") -> JobReturn:
        import ray

        log = job.folder / LOG
        try:
            ended: JobReturn = ray.get(task)
        except ray.exceptions.RayError as error:
            return failed(job.overrides, RunError(_lost(error)), str(log))
        if log.exists():  # otherwise it stays where it was written
            vars(ended)["log"] = str(log)
        return ended

    @property
    def _address(self) -> str | None:
        address: str | None = self._init.get("address") or os.environ.get("RAY_ADDRESS")
        return address

    def _connected(self) -> Any:  # noqa: ANN401 - the module ray
        """Return Ray, connected to the cluster.

        Raises:
            UserError: Ray refuses the settings.
            RunError: no cluster answers at the address.
        """
        on_sigterm = signal.getsignal(signal.SIGTERM)  # Ray puts a handler of its own in its place
        import ray

        try:
            if not ray.is_initialized():
                _require_answer(self._address)
                ray.init(**self._init)
        except (ValueError, TypeError) as error:
            raise UserError(f"Ray refuses hydra.launcher.ray.init: {error}") from error
        except (OSError, RuntimeError, ray.exceptions.RayError) as error:
            where, why = self._address or "this machine", str(error).strip().splitlines()[0]
            raise RunError(
                f"cannot reach the Ray cluster at {where} ({why}). Start one with `ray start --head` "
                "and name it with hydra.launcher.ray.init.address or RAY_ADDRESS"
            ) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, on_sigterm)
        return ray


def _require_answer(address: str | None) -> None:
    """Raise `OSError` where nobody listens at `host:port`: Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=CONNECT).close()


def run_on_ray(job: RemoteJob) -> JobReturn:
    """Run a job in a worker of the cluster, with its output in a file of its own."""
    from bcdl.sweeps.member import LOG_VARIABLE

    if threading.current_thread() is threading.main_thread():  # a cluster begun in the background ignores it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    log = job.folder / LOG
    os.environ[LOG_VARIABLE] = str(log)
    with output_to(log):
        ended = job()
    vars(ended)["log"] = f"{os.uname().nodename}:{log}"
    return ended


def _cancel(tasks: "Sequence[ObjectRef[JobReturn]]") -> None:
    """End tasks: those that wait are forgotten, those that run are interrupted, then killed."""
    import ray

    for force in (False, True):
        for task in tasks:
            ray.cancel(task, force=force)
        _, tasks = ray.wait(list(tasks), num_returns=len(tasks), timeout=GRACE) if tasks else ([], [])


def _lost(error: Exception) -> str:
    """Return what became of a task, from Ray's own words."""
    words = str(error).strip().splitlines()
    return f"Ray lost the job ({type(error).__name__}): {words[0] if words else 'it gives no reason'}"


def _given(node: DictConfig) -> dict[str, Any]:
    values = OmegaConf.to_container(node, resolve=True)
    assert isinstance(values, dict)
    return {str(name): value for name, value in values.items() if value is not None}
