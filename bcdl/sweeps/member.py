"""A job's side of a sweep: it takes its work from the ledger, tells what became of it, and beats meanwhile.

A job knows its place by the override `trial=`, which the sweeper gives it.
"""

import math
import os
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bcdl.errors import RunError
from bcdl.sweeps.hope import FATAL, reason_to_stop
from bcdl.sweeps.ledger import JobState, Ledger
from bcdl.sweeps.place import Place
from bcdl.sweeps.process import Worker
from bcdl.sweeps.pulse import Pulse
from bcdl.tracking.places import names_place
from bcdl.tracking.tags import FOLD_TAG, JOB_TAG, SEED_TAG, SWEEP_TAG, TRIAL_TAG, TRY_TAG

if TYPE_CHECKING:
    from omegaconf import DictConfig

LOG_VARIABLE = "BCDL_JOB_LOG"  # a launcher names a job's log there
RESTARTED = "BCDL_JOB_RESTARTED"  # a launcher says there that the process which had the job is dead
BEATS = 5  # in the time after which a silent worker counts as dead


class MissingObjectiveError(RunError):
    """A run has not logged what the sweep optimises; no other run of the sweep would either."""


class TakenError(RunError):
    """Another process has the job, or it has ended: this one has nothing to do with it."""


@dataclass(frozen=True)
class Task:
    """What a job is to do.

    Attributes:
        kind: `fit`; `test` for a run that has been fitted and is to be tested now; `none` where the first job
            of the configuration was pruned, and this one with it.
        run: id of its MLflow run, if it has one.
        perhaps: whether an earlier process may have opened a run that the ledger has not heard of.
    """

    kind: str
    run: str | None
    perhaps: bool = False


class Member:
    """One job of a sweep, in the process that does it.

    Args:
        ledger: the sweep's ledger.
        place: which job.
        cfg: the job's configuration.

    Attributes:
        prunes: whether what it reports may end it: the first job speaks for its configuration.
        repeated: whether the sweep repeats each configuration with several seeds.
    """

    def __init__(self, ledger: Ledger, place: Place, cfg: "DictConfig") -> None:
        self._ledger, self._trial, self._tests = ledger, ledger.trial(place.attempt), place.test
        self.sweep, self.number = ledger.name, self._trial.number
        self.attempt, self.job = place.attempt, place.job
        self.fold: int | None = cfg.data.fold
        self.seed: int = cfg.seed
        self.parent: str = ledger.facts["parent"]
        self.repeated = cfg.sweep.get("seeds") is not None
        self.prunes = prunes(cfg)
        self._settings, self._stale_after = cfg.sweep, float(cfg.sweep.stale_after)
        self._state = self._trial.jobs[self.job]
        self._pulse = Pulse(self._beat, self._stale_after / BEATS)
        self._mutex = threading.Lock()

    @classmethod
    def of(cls, cfg: "DictConfig") -> Self | None:
        """Return the job that a configuration belongs to, None outside a sweep."""
        if cfg.get("trial") is None:
            return None
        root = Path(cfg.tracking.root).expanduser().absolute()
        ledger = Ledger.open(str(cfg.sweep.name), root, cfg.sweep.storage)
        return cls(ledger, Place.read(cfg.trial), cfg)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of its MLflow run: sweep, trial, try, job, seed, and the fold if there is one."""
        fold = {} if self.fold is None else {FOLD_TAG: str(self.fold)}
        place = {SWEEP_TAG: self.sweep, TRIAL_TAG: str(self.number), TRY_TAG: str(self.attempt)}
        return {**place, JOB_TAG: str(self.job), SEED_TAG: str(self.seed), **fold}

    @property
    def varied(self) -> dict[str, str]:
        """What tells its configuration from others: the values that vary, by key, but for places of data."""
        keys = self._ledger.facts.get("varied", [])
        pairs = [override.lstrip("+").partition("=") for override in self._trial.overrides]
        return {key: value for key, _, value in pairs if key in keys and not names_place(key)}

    def claim(self) -> Task:
        """Take the job.

        Raises:
            TakenError: it has ended, another living process has it, or the sweep stops.
        """
        now = self._state
        if self._tests and now.state == "finished":
            return Task("test", now.run)
        if now.state == "pruned" and now.run is None:
            return Task("none", None)
        if self._tests or self._trial.told != "running" or now.state in ("finished", "pruned", "failed"):
            raise TakenError(f"job {self} has ended already ({now.state}); it is not run again")
        restarted = (
            RESTARTED in os.environ and now.worker is not None and now.worker.host == Worker.here().host
        )
        if (
            not restarted
            and now.alive(self._stale_after)
            and now.worker is not None
            and not now.worker.is_here()
        ):
            raise TakenError(f"job {self} is in the hands of {now.worker}; it is not run twice")
        if why := reason_to_stop(self._ledger, self._settings.retries, self._settings.max_failures):
            raise TakenError(f"job {self} is not begun: {why}")
        self._write(state="running", worker=Worker.here(), claim=uuid.uuid4().hex, error=None)
        self._require_own_claim()
        return Task("fit", now.run, perhaps=now.state in ("running", "killed") and now.run is None)

    def opened(self, run_id: str) -> None:
        """Tell the run that the job has in MLflow, and beat from now on."""
        self._write(run=run_id, worker=Worker.here())
        self._pulse.start()

    def report(self, value: float, epoch: int) -> bool:
        """Tell the monitored metric after an epoch, and return whether the job is to be pruned."""
        from bcdl.sweeps.sampling import should_prune

        if not math.isfinite(value):
            return False
        return should_prune(self._ledger.study, self._trial.id, self._settings, value, epoch)

    def finished(self, values: Mapping[str, float]) -> None:
        """Tell what the best checkpoint is worth.

        Args:
            values: its metrics, `best/val/*` among them; with `test/*` it has been tested.

        Raises:
            MissingObjectiveError: an objective is not among them.
            RunError: an objective is not a number.
        """
        self.check(values)
        self._pulse.stop()
        if self._state.run is not None and any(name.startswith("test/") for name in values):
            self._ledger.note(**{key_of_test(self._state.run): True})
        if self._state.state != "finished":
            self._write(state="finished", values=_of_validation(values))

    def check(self, values: Mapping[str, float]) -> None:
        """Raise unless the objectives are among a run's metrics and are numbers.

        Raises:
            MissingObjectiveError: an objective is not among them.
            RunError: an objective is not a number.
        """
        validation = _of_validation(values)
        missing = [name for name in self._ledger.objectives if name not in validation]
        if missing:
            error = MissingObjectiveError(
                f"expected the sweep's objective {', '.join(missing)} among what a run logs, found "
                f"{', '.join(sorted(validation)) or 'nothing'}; set sweep.objective to one of these"
            )
            self.failed(str(error))
            self._ledger.note(**{FATAL: str(error)})
            raise error
        undefined = [name for name in self._ledger.objectives if not math.isfinite(validation[name])]
        if undefined:
            raise RunError(f"the objective {', '.join(undefined)} is not a number on this validation split")

    def pruned(self, values: Mapping[str, float]) -> None:
        """Tell that the job was pruned, and how far it had come; jobs that have not begun need not."""
        for job, state in enumerate(self._ledger.trial(self.attempt).jobs):
            if state.state == "waiting":
                self._ledger.write(self._trial, job, state.change(state="pruned"))
        self._end(state="pruned", values=_of_validation(values))

    def failed(self, error: str, log: str | None = None) -> None:
        """Tell why the job failed, in one line, and where the rest is to be read; once."""
        if self._state.state == "running":
            self._end(state="failed", error=error, log=log)

    def killed(self) -> None:
        """Tell that the job was interrupted: it goes on when the sweep does."""
        if self._state.state == "running":
            self._end(state="killed")

    def __str__(self) -> str:
        return f"{self.sweep}/{self.number}.{self.job}"

    def _end(self, **changes: object) -> None:
        self._pulse.stop()
        self._write(**changes)

    def _require_own_claim(self) -> None:
        now = self._ledger.trial(self.attempt).jobs[self.job]
        if now.claim != self._state.claim:
            raise TakenError(f"job {self} was taken by {now.worker} at the same moment; it is not run twice")

    def _beat(self) -> None:
        with self._mutex:
            if self._state.state == "running":
                self._write_once(self._state.change(worker=Worker.here()))

    def _write(self, **changes: object) -> None:
        with self._mutex:
            self._write_once(self._state.change(**changes))

    def _write_once(self, state: JobState) -> None:
        self._ledger.write(self._trial, self.job, state)
        self._state = state


def prunes(cfg: "DictConfig") -> bool:
    """Return whether the first process of this configuration's fit may be told to end it."""
    if cfg.get("trial") is None or cfg.sweep.prune.by is None:
        return False
    return Place.read(cfg.trial).job == 0


def _of_validation(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if name.startswith("best/val/")}


def key_of_test(run_id: str) -> str:
    """Return the key under which the ledger keeps that a run has been tested."""
    return f"tested.{run_id}"
