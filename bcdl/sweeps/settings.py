"""The settings of a sweep: `cfg.sweep` with every value checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Any, Self

from omegaconf import DictConfig

from bcdl.errors import UserError
from bcdl.scores import lower_is_better
from bcdl.sweeps.knobs import Knobs, plain
from bcdl.sweeps.objectives import Direction, direction, objectives
from bcdl.sweeps.prune import Prune

GRID, CMAES, NSGA2 = "grid", "cmaes", "nsga2"
SAMPLERS = (GRID, "random", "tpe", CMAES, NSGA2)
TESTED = ("all", "best", "none")
RESERVED = ("latest",)  # what `bcdl sweep resume` takes for the newest sweep

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Settings:
    """What says how a sweep is run; the keys of `conf/sweep/_shared.yaml` and each sampler's.

    Attributes:
        sampler: one of `SAMPLERS`.
        name: of the sweep and its folder; None makes one up.
        space: what a study varies, by dotted key.
        when: conditions under which a key is varied, by dotted key.
        objective: names of the metrics that are optimised.
        n_trials: how many configurations a search tries; None for a grid.
        batch: how many configurations are proposed at once; None leaves it to the launcher.
        folds: parts of a cross-validation; None for one fit.
        seeds: repeated fits with further seeds; None for one fit.
        test: which configurations are tested: `all`, `best` or `none`.
        retries: further tries of a configuration that failed.
        max_failures: failed configurations after more of which the sweep stops; None for never.
        prune: when a configuration is given up early.
        storage: Optuna's address of the study; None for a file in `tracking.root`.
        seed: of the sampler.
        dry_run: whether to compose every configuration and keep nothing.
        stale_after: seconds after which a silent process of another machine counts as dead.
    """

    sampler: str
    name: str | None
    space: Mapping[str, Any]
    when: Mapping[str, Any]
    objective: tuple[str, ...]
    n_trials: int | None
    batch: int | None
    folds: int | None
    seeds: int | None
    test: str
    retries: int
    max_failures: int | None
    prune: Prune
    storage: str | None
    seed: int
    dry_run: bool
    stale_after: float

    @classmethod
    def of(cls, sweep: DictConfig, monitor: str) -> Self:
        """Return the checked settings.

        Args:
            sweep: the configuration's node of that name.
            monitor: `callbacks.best.monitor`, which is optimised unless `sweep.objective` says otherwise.

        Raises:
            UserError: a value is out of its range, or two of them contradict each other.
        """
        settings = cls._read(Knobs(plain(sweep), "sweep", [field.name for field in fields(cls)]), monitor)
        _check_trials(settings)
        _check_objectives(settings, monitor)
        _check_installed(settings.sampler)
        return settings

    @classmethod
    def _read(cls, knobs: Knobs, monitor: str) -> Self:
        return cls(
            sampler=knobs.word("sampler", SAMPLERS),
            name=_name(knobs.plain("name")),
            space=knobs.table("space"),
            when=knobs.table("when"),
            objective=objectives(knobs.plain("objective"), monitor),
            n_trials=knobs.integer_or_none("n_trials", 1),
            batch=knobs.integer_or_none("batch", 1),
            folds=knobs.integer_or_none("folds", 2),
            seeds=knobs.integer_or_none("seeds", 1),
            test=knobs.word("test", TESTED),
            retries=knobs.integer("retries", 0),
            max_failures=knobs.integer_or_none("max_failures", 0),
            prune=Prune.read(knobs),
            storage=knobs.text_or_none("storage"),
            seed=knobs.integer("seed", 0),
            dry_run=knobs.flag("dry_run"),
            stale_after=knobs.number("stale_after", 0),
        )

    @property
    def searching(self) -> bool:
        """Whether a sampler proposes configurations, rather than a grid listing them."""
        return self.sampler != GRID

    @property
    def jobs(self) -> int:
        """How many jobs a configuration has: a fit for each fold of each seed."""
        return (self.folds or 1) * (self.seeds or 1)

    @property
    def objectives(self) -> tuple[str, ...]:
        """Names of the metrics that are optimised."""
        return self.objective

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Which way each objective is better."""
        return tuple(direction(name) for name in self.objective)


def _name(value: object) -> str | None:
    """Return the name of a sweep, which is also that of its folder and its study."""
    if value is None:
        return None
    whole = isinstance(value, int) and not isinstance(value, bool)  # `sweep.name=2026` is read as a number
    text = str(value)
    if not (whole or isinstance(value, str)) or not _NAME.fullmatch(text):
        raise UserError(
            "expected sweep.name to consist of letters, digits, '.', '_' and '-', with a letter or digit "
            f"first and at most 100 characters, found {value!r}; a name that looks like a number needs quotes"
        )
    if text in RESERVED:
        raise UserError(f"sweep.name: '{text}' means the newest sweep; give another name")
    return text


def _check_trials(settings: Settings) -> None:
    if settings.searching and settings.n_trials is None:
        raise UserError(
            f"sweep={settings.sampler}: expected sweep.n_trials to say how many configurations to try, found "
            "null"
        )
    if not settings.searching and settings.n_trials is not None:
        raise UserError(
            f"sweep=grid tries every combination, found sweep.n_trials={settings.n_trials}; leave it out, or "
            "search with sweep=random or sweep=tpe"
        )


def _check_objectives(settings: Settings, monitor: str) -> None:
    several, names = len(settings.objective) > 1, ", ".join(settings.objective)
    if settings.sampler == NSGA2 and not several:
        raise UserError(
            "sweep=nsga2 weighs objectives against each other: expected two or more in sweep.objective, "
            f"found {names}; add one, or use sweep=tpe"
        )
    if settings.sampler != NSGA2 and several:
        raise UserError(
            f"sweep={settings.sampler} takes one objective, found {names}; name one in sweep.objective, or "
            "use sweep=nsga2"
        )
    if settings.prune.by is not None:
        _check_prunable(settings, monitor)


def _check_prunable(settings: Settings, monitor: str) -> None:
    """Check that what the epochs tell and what is optimised are better the same way."""
    if len(settings.objective) > 1:
        raise UserError(
            f"sweep.prune.by={settings.prune.by} compares one metric, and sweep.objective has several; set "
            "sweep.prune.by=null"
        )
    objective = settings.objective[0]
    if lower_is_better(monitor) != lower_is_better(objective):
        raise UserError(
            f"pruning goes by callbacks.best.monitor={monitor}, the objective is {objective}, and one is "
            "better the higher, the other the lower; set "
            f"callbacks.best.monitor=val/{objective.rpartition('/')[2]} or sweep.objective=best/{monitor}"
        )


def _check_installed(sampler: str) -> None:
    if sampler == CMAES and find_spec("cmaes") is None:
        raise UserError(
            "sweep=cmaes needs the package cmaes, which is not installed: pip install 'bcdl[cmaes]'"
        )
