"""Which jobs of a sweep are to be run next.

Those left over, then retries, then configurations not tried yet.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from bcdl.sweeps.hope import gone
from bcdl.sweeps.ledger import JOBS, NUMBER, OVERRIDES, JobState, Ledger, Trial
from bcdl.sweeps.place import Place
from bcdl.sweeps.sampling import sampler
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Job:
    """One job to be dispatched.

    Attributes:
        trial: the try that it belongs to.
        place: how it finds itself in the ledger.
        overrides: what composes it.
    """

    trial: Trial
    place: Place
    overrides: list[str]

    @property
    def index(self) -> int:
        """Which of its trial's jobs it is."""
        return self.place.job


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

    def next_jobs(self, slots: int | None) -> list[Job]:
        """Return the jobs of the next batch of configurations, none where nothing is left to do.

        Where `sweep.batch` is not set a search proposes as many as run at once. A grid goes out as a whole,
        unless one runs after the other: then it can stop between them.

        Args:
            slots: how many jobs run at once; None where the launcher does not say.
        """
        whole = None if self._settings.searching or slots == 1 else self.total
        batch = self._settings.batch or whole or slots or 1
        return [job for trial in islice(self._due(), batch) for job in self._left(trial)]

    def gone(self) -> list[Trial]:
        """Return the configurations that failed and are not retried any more."""
        return gone(self._ledger, self._settings.retries)

    def elsewhere(self) -> list[Job]:
        """Return the jobs that a living process which is not ours works on."""
        running = [trial for trial in self._ledger.newest().values() if trial.told == "running"]
        return [
            self._job(trial, index)
            for trial in running
            for index, state in enumerate(trial.jobs)
            if self._held(state)
        ]

    def tests_of(self, trial: Trial) -> list[Job]:
        """Return jobs that test what the jobs of a configuration have fitted."""
        return [self._job(trial, index, test=True) for index in range(len(trial.jobs))]

    def _due(self) -> Iterator[Trial]:
        newest = self._ledger.settled()
        for number in sorted(newest):
            if newest[number].told == "running" and self._left(newest[number]):
                yield newest[number]
        failed = any(trial.told == "failed" for trial in newest.values())
        given_up = {trial.number for trial in self.gone()} if failed else set()
        for number in sorted(newest):
            if newest[number].told == "failed" and number not in given_up:
                yield self._retry(newest[number])
        for number in range(self.total):
            if number not in newest:
                yield self._fresh(number)

    def _left(self, trial: Trial) -> list[Job]:
        """Return the jobs of a running try that wait, or whose process has ended without a word."""
        return [
            self._job(trial, index)
            for index, state in enumerate(trial.jobs)
            if state.state in ("waiting", "killed") or (state.state == "running" and not self._held(state))
        ]

    def _held(self, state: JobState) -> bool:
        worker = state.worker
        return state.alive(self._settings.stale_after) and worker is not None and not worker.is_here()

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

        ranges = {key: self._ranges[key] for key in point}
        values = {
            key: str(value) if isinstance(ranges[key], CategoricalDistribution) else value
            for key, value in point.items()
        }
        return values, ranges

    @cached_property
    def _ranges(self) -> dict[str, "BaseDistribution"]:
        """From where to where each key of a grid varies; of numbers no trial holds a list of them all."""
        values: dict[str, dict[str, Any]] = {}
        for point in self._points:
            for key, value in point.items():
                values.setdefault(key, {})[str(value)] = value
        return {key: _range(list(distinct.values())) for key, distinct in values.items()}

    def _attributes(self, number: int, overrides: Sequence[str]) -> dict[str, Any]:
        return {NUMBER: number, OVERRIDES: list(overrides), JOBS: self._settings.jobs}

    def _job(self, trial: Trial, index: int, test: bool = False) -> Job:
        place = Place(trial.attempt, index, test)
        return Job(trial, place, [*trial.overrides, *self._overrides(place)])

    def _overrides(self, place: Place) -> list[str]:
        folds = self._settings.folds
        seed, fold = divmod(place.job, folds or 1)
        own = [f"sweep.name='{self._ledger.name}'", f"trial='{place}'"]
        if self._settings.seeds is not None:
            own.append(f"seed={self._seed + seed}")
        return [*own, f"data.folds={folds}", f"data.fold={fold}"] if folds else own


def _range(values: Sequence[Any]) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    kinds = {type(value) for value in values}
    if kinds == {int}:
        return IntDistribution(min(values), max(values))
    if kinds <= {int, float} and all(map(math.isfinite, values)):
        return FloatDistribution(min(values), max(values))
    return CategoricalDistribution(tuple(dict.fromkeys(map(str, values))))


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
