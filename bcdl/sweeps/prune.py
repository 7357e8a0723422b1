"""The settings of pruning: when a configuration is given up early."""

from dataclasses import dataclass, fields
from typing import Self

from omegaconf import DictConfig

from bcdl.sweeps.knobs import Knobs, plain

PRUNERS = ("median", "percentile", "hyperband")


@dataclass(frozen=True)
class Prune:
    """When a configuration is given up early.

    Attributes:
        by: `median`, `percentile` or `hyperband`; None prunes nothing.
        startup: configurations that must have finished before `median` or `percentile` prunes one.
        warmup: epochs before which none is pruned.
        percentile: of the finished configurations, which share (in %) a new one must be among.
    """

    by: str | None
    startup: int
    warmup: int
    percentile: float

    @classmethod
    def of(cls, sweep: DictConfig) -> Self:
        """Return the checked settings of pruning in `cfg.sweep`."""
        return cls.read(Knobs({"prune": plain(sweep.prune)}, "sweep", ["prune"]))

    @classmethod
    def read(cls, sweep: Knobs) -> Self:
        """Return the same from keys that are plain already."""
        knobs = sweep.node("prune", [field.name for field in fields(cls)])
        by = knobs.word_or_none("by", PRUNERS)
        startup, warmup = knobs.integer("startup", 0), knobs.integer("warmup", 0)
        return cls(by, startup, warmup, knobs.number("percentile", 0, 100))
