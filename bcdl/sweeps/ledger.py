"""A sweep's ledger.

What its study's storage says of every configuration and every job, the one truth of a sweep.

Each job writes its own state, and the last one of a trial tells the trial. An Optuna trial is one try at a
configuration; a retry is a further trial with the same number.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Self

from bcdl.errors import UserError, nearest
from bcdl.sweeps.objectives import Direction
from bcdl.sweeps.process import Worker
from bcdl.sweeps.storage import FILE, NOTE, SWEEPS, VARIABLE, open_storage, sweep_folder

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

NUMBER, OVERRIDES, JOBS = "number", "overrides", "jobs"


@dataclass(frozen=True)
class JobState:
    """What is known of one job.

    Attributes:
        state: `waiting`, `running`, `finished`, `pruned`, `failed` or `killed` (it goes on later).
        run: id of its MLflow run, once there is one.
        worker: the process that has or had it.
        values: its `best/val/*` metrics.
        error: why it failed, in one line.
        log: where the whole story stands.
        claim: token of the process that took it.
    """

    state: str = "waiting"
    run: str | None = None
    worker: Worker | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    log: str | None = None
    claim: str | None = None

    @classmethod
    def of(cls, facts: dict[str, Any] | None) -> Self:
        """Return the state that `facts()` described; without facts the job waits."""
        if facts is None:
            return cls()
        worker = facts.get("worker")
        return cls(**{**facts, "worker": Worker.of(worker) if worker else None})

    def facts(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        return asdict(self)

    def alive(self, stale_after: float) -> bool:
        """Return whether a living process works on it."""
        return self.state == "running" and self.worker is not None and self.worker.alive(stale_after)

    def change(self, **changes: Any) -> "JobState":  # noqa: ANN401 - any field
        """Return the state with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Trial:
    """One try at a configuration, as read from the storage.

    Attributes:
        id: Optuna's id of the trial in its storage.
        attempt: Optuna's number of the trial in its study.
        number: number of the configuration.
        told: `running`, `finished`, `pruned` or `failed`.
        overrides: what composes it.
        jobs: the state of each of its jobs.
        values: mean of each objective over its jobs, once it is told.
        seconds: how long it took, once it is told.
    """

    id: int
    attempt: int
    number: int
    told: str
    overrides: tuple[str, ...]
    jobs: tuple[JobState, ...]
    values: tuple[float, ...] | None
    seconds: float | None


class Ledger:
    """The ledger of one sweep, open.

    Args:
        study: its Optuna study.
        root: the tracking root.
    """

    def __init__(self, study: "Study", root: Path) -> None:
        self.study, self.root = study, root
        self.name = study.study_name

    @classmethod
    def open(cls, name: str, root: Path, address: str | None = None) -> Self:
        """Open the ledger of a sweep that exists.

        Raises:
            UserError: the storage cannot be opened or has no such sweep.
        """
        import optuna

        found = find(name, root, address)
        if found is None:
            names = known(root, address)
            raise UserError(
                f"no sweep '{name}'.{nearest(name, names)} There are: {', '.join(names) or 'none'}"
            )
        return cls(optuna.load_study(study_name=name, storage=found), root)

    @classmethod
    def create(cls, name: str, root: Path, address: str | None, directions: Sequence[Direction]) -> Self:
        """Begin the ledger of a new sweep."""
        import optuna

        storage = open_storage(address, root, name)
        study = optuna.create_study(study_name=name, storage=storage, directions=list(directions))
        return cls(study, root)

    def trials(self) -> list[Trial]:
        """Return every try, in the order in which they began."""
        return [_trial(frozen) for frozen in self.study.get_trials(deepcopy=False)]

    def newest(self) -> dict[int, Trial]:
        """Return the newest try of each configuration, by number."""
        return {trial.number: trial for trial in self.trials()}

    def trial(self, attempt: int) -> Trial:
        """Return the try with this Optuna number."""
        storage = self.study._storage
        return _trial(
            storage.get_trial(storage.get_trial_id_from_study_id_trial_number(self.study._study_id, attempt))
        )

    def add(self, template: "FrozenTrial") -> Trial:
        """Begin a try, whole or not at all."""
        storage = self.study._storage
        return _trial(storage.get_trial(storage.create_new_trial(self.study._study_id, template)))

    def write(self, trial: Trial, job: int, state: JobState) -> None:
        """Write a job's state, and tell its trial if it was the last."""
        self.study._storage.set_trial_user_attr(trial.id, _job(job), state.facts())
        if state.state in ("finished", "pruned", "failed"):
            self.settle(trial)

    def settled(self) -> dict[int, Trial]:
        """Return the newest tries; those whose last job ended in a process that died are told before."""
        newest = self.newest()
        ended = [trial for trial in newest.values() if trial.told == "running" and _verdict(trial)]
        for trial in ended:
            self.settle(trial)
        return self.newest() if ended else newest

    def settle(self, trial: Trial) -> None:
        """Tell a trial whose jobs have all ended, once, whoever comes first."""
        from optuna.exceptions import UpdateFinishedTrialError

        now = _trial(self.study._storage.get_trial(trial.id))
        told = _verdict(now)
        if told is None or now.told != "running":
            return
        try:
            self.tell(now, told)
        except UpdateFinishedTrialError:  # another job of the trial was the last as well
            return

    def tell(self, trial: Trial, told: str) -> None:
        """End a try: its values are the means over its jobs."""
        from optuna.trial import TrialState

        state = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[
            told
        ]
        values = self._means(trial) if told == "finished" else None
        self.study._storage.set_trial_state_values(trial.id, state, values)

    @property
    def facts(self) -> dict[str, Any]:
        """What the sweep's process wrote about the sweep as a whole: definition, parent, command, owner."""
        return dict(self.study.user_attrs)

    def note(self, **facts: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write facts about the sweep as a whole."""
        for key, value in facts.items():
            self.study.set_user_attr(key, value)

    @property
    def objectives(self) -> tuple[str, ...]:
        """Names of the metrics that are optimised."""
        return tuple(self.facts["definition"]["objectives"])

    @property
    def lower(self) -> tuple[bool, ...]:
        """For each objective, whether lower is better."""
        return tuple(direction.name == "MINIMIZE" for direction in self.study.directions)

    def ranked(self) -> list[Trial]:
        """Return the finished configurations, best first by the first objective."""
        finished = [trial for trial in self.newest().values() if trial.told == "finished" and trial.values]
        return sorted(finished, key=lambda trial: (trial.values or (0.0,))[0], reverse=not self.lower[0])

    def best(self) -> list[Trial]:
        """Return the best configuration.

        Of several objectives, all that no other one beats in every respect.
        """
        if len(self.lower) == 1:
            return self.ranked()[:1]
        front = {trial.number for trial in self.study.best_trials}
        return [trial for trial in self.ranked() if trial.attempt in front]

    def _means(self, trial: Trial) -> list[float]:
        return [fmean(job.values[name] for job in trial.jobs) for name in self.objectives]


def find(name: str, root: Path, address: str | None) -> "Any | None":  # noqa: ANN401 - Optuna's storage
    """Return the storage that holds a sweep, None where there is none of that name; nothing is made."""
    if not (address or os.environ.get(VARIABLE)) and not (sweep_folder(root, name) / FILE).exists():
        return None
    storage = open_storage(address, root, name)
    return storage if name in [study.study_name for study in storage.get_all_studies()] else None


def known(root: Path, address: str | None) -> list[str]:
    """Return the names of all sweeps, those of this root last and the latest of them at the end."""
    if address or os.environ.get(VARIABLE):
        every = open_storage(address, root, "").get_all_studies()
        names = [study.study_name for study in every if "definition" in study.user_attrs]
    else:
        names = [file.parent.name for file in (root / SWEEPS).glob(f"*/{FILE}")]
    return sorted(names, key=lambda name: _begun(sweep_folder(root, name) / NOTE))


def _begun(note: Path) -> float:
    """Return when a sweep of this root was begun, 0 for one of another root."""
    return note.stat().st_mtime if note.exists() else 0.0


def _trial(frozen: "FrozenTrial") -> Trial:
    told = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed"}.get(frozen.state.name, "running")
    facts = frozen.user_attrs
    jobs = tuple(JobState.of(facts.get(_job(index))) for index in range(facts[JOBS]))
    seconds = frozen.duration.total_seconds() if frozen.duration else None
    values = tuple(frozen.values) if frozen.values is not None else None
    return Trial(
        frozen._trial_id, frozen.number, facts[NUMBER], told, tuple(facts[OVERRIDES]), jobs, values, seconds
    )


def _job(index: int) -> str:
    return f"job.{index}"


def _verdict(trial: Trial) -> str | None:
    """Return how a try ended, None while jobs are left; one pruned or failed job decides for all."""
    states = {job.state for job in trial.jobs}
    if states & {"waiting", "running", "killed"}:
        return None
    return next((state for state in ("pruned", "failed") if state in states), "finished")
