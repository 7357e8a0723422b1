"""Which jobs of a sweep are to be run next.

Those left over, then retries, then configurations not tried yet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from bcdl.sweeps.ledger import JOBS, NUMBER, OVERRIDES, JobState, Ledger, Trial
from bcdl.sweeps.sampling import sampler
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Job:
    """One job to be dispatched.

    Attributes:
        trial: the try that it belongs to.
        index: which of its jobs.
        overrides: what composes it.
    """

    trial: Trial
    index: int
    overrides: list[str]

    @property
    def place(self) -> str:
        """`<try>.<job>`: how a job finds itself in the ledger."""
        return f"{self.trial.attempt}.{self.index}"


class Trials:
    """The trials of a sweep: those that the ledger has and those to come.

    Args:
        ledger: the sweep's ledger.
        settings: the sweep's settings.
        space: what varies.
        seed: seed of the first job of a configuration; further ones count up.
    """

    def __init__(self, ledger: Ledger, settings: Settings, space: Space, seed: int) -> None:
        self._ledger, self._settings, self._space, self._seed = ledger, settings, space, seed
        self._points = [] if settings.searching else list(space.grid())
        self.total = settings.n_trials or len(self._points)

    def next_jobs(self, slots: int) -> list[Job]:
        """Return the jobs of the next batch of configurations, none where nothing is left to do.

        Args:
            slots: how many jobs run at once: a search proposes as many where `sweep.batch` is not set.
        """
        batch = self._settings.batch or (slots if self._settings.searching else self.total)
        return [job for trial in islice(self._due(), batch) for job in self._left(trial)]

    def gone(self) -> list[Trial]:
        """Return the configurations that failed and are not retried any more."""
        tries = self._tries()
        return [
            trial
            for trial in self._ledger.newest().values()
            if trial.told == "failed" and tries[trial.number] > self._settings.retries
        ]

    def elsewhere(self) -> list[Job]:
        """Return the jobs that a living process which is not ours works on."""
        running = [trial for trial in self._ledger.newest().values() if trial.told == "running"]
        return [
            Job(trial, index, self._overrides(trial, index))
            for trial in running
            for index, state in enumerate(trial.jobs)
            if self._held(state)
        ]

    def jobs_of(self, trial: Trial) -> list[Job]:
        """Return all jobs of a configuration."""
        return [Job(trial, index, self._overrides(trial, index)) for index in range(len(trial.jobs))]

    def _due(self) -> Iterator[Trial]:
        newest = self._ledger.newest()
        for number in sorted(newest):
            if newest[number].told == "running" and self._left(newest[number]):
                yield newest[number]
        tries = self._tries()
        for number in sorted(newest):
            if newest[number].told == "failed" and tries[number] <= self._settings.retries:
                yield self._retry(newest[number])
        for number in range(self.total):
            if number not in newest:
                yield self._fresh(number)

    def _left(self, trial: Trial) -> list[Job]:
        """Return the jobs of a running try that wait, or whose process has ended without a word."""
        return [
            Job(trial, index, self._overrides(trial, index))
            for index, state in enumerate(trial.jobs)
            if state.state in ("waiting", "killed") or (state.state == "running" and not self._held(state))
        ]

    def _held(self, state: JobState) -> bool:
        worker = state.worker
        return state.alive(self._settings.stale_after) and worker is not None and not worker.is_here()

    def _tries(self) -> dict[int, int]:
        counts: dict[int, int] = {}
        for trial in self._ledger.trials():
            counts[trial.number] = counts.get(trial.number, 0) + 1
        return counts

    def _retry(self, failed: Trial) -> Trial:
        """Begin a further try.

        What had finished stays, what was interrupted goes on, what failed starts anew.
        """
        kept = {
            f"job.{index}": state.facts()
            for index, state in enumerate(failed.jobs)
            if state.state in ("finished", "killed")
        }
        frozen = self._ledger.study._storage.get_trial(failed.id)
        return self._ledger.add(
            _template(
                frozen.params,
                frozen.distributions,
                {**self._attributes(failed.number, failed.overrides), **kept},
                frozen.system_attrs,
            )
        )

    def _fresh(self, number: int) -> Trial:
        if self._settings.searching:
            return self._ledger.add(self._proposed(number))
        point = self._points[number]
        attributes = self._attributes(number, self._space.overrides(point))
        return self._ledger.add(_template(*self._as_parameters(point), attributes))

    def _proposed(self, number: int) -> "FrozenTrial":
        """Return what the sampler proposes.

        It is asked in a copy, so that the storage gets all of it or nothing.
        """
        import optuna

        study = self._ledger.study
        copy = optuna.create_study(
            directions=study.directions, sampler=sampler(self._settings, number), study_name=study.study_name
        )
        copy.add_trials(study.get_trials(deepcopy=False))
        asked = copy.ask()
        point = self._space.suggest(asked)
        frozen = copy._storage.get_trial(asked._trial_id)
        attributes = self._attributes(number, self._space.overrides(point))
        return _template(frozen.params, frozen.distributions, attributes, frozen.system_attrs)

    def _as_parameters(self, point: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a grid's point as Optuna's parameters, for its dashboard."""
        from optuna.distributions import CategoricalDistribution

        texts = {key: str(value) for key, value in point.items()}
        choices = {
            key: tuple(dict.fromkeys(str(each[key]) for each in self._points if key in each)) for key in texts
        }
        return texts, {key: CategoricalDistribution(choices[key]) for key in texts}

    def _attributes(self, number: int, overrides: Sequence[str]) -> dict[str, Any]:
        return {NUMBER: number, OVERRIDES: list(overrides), JOBS: self._settings.jobs}

    def _overrides(self, trial: Trial, index: int) -> list[str]:
        return [*trial.overrides, *self._place(trial, index)]

    def _place(self, trial: Trial, index: int) -> list[str]:
        folds = self._settings.folds
        seed, fold = divmod(index, folds or 1)
        place = [f"sweep.name={self._ledger.name}", f"trial='{trial.attempt}.{index}'"]
        if self._settings.seeds is not None:
            place.append(f"seed={self._seed + seed}")
        return [*place, f"data.folds={folds}", f"data.fold={fold}"] if folds else place


def _template(
    params: dict[str, Any],
    distributions: dict[str, Any],
    attributes: dict[str, Any],
    system_attributes: dict[str, Any] | None = None,
) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    return create_trial(
        state=TrialState.RUNNING,
        params=params,
        distributions=distributions,
        user_attrs=attributes,
        system_attrs=system_attributes,
    )
