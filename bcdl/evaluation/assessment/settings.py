"""How predictions are judged."""

from dataclasses import dataclass

from bcdl.errors import UserError
from bcdl.evaluation.rules import check_rule
from bcdl.evaluation.thresholds import DEFAULT, check_threshold
from bcdl.stats import Goal, check_calibration
from bcdl.stats.resampling import DRAWS


@dataclass(frozen=True)
class Settings:
    """How predictions are judged.

    Args:
        threshold: `youden`, fitted at each level, or a probability.
        aggregate: rule by which samples become a coarser level.
        calibration: method of the calibrator.
        operating_points: goals, each with a threshold of its own.
        prevalence: share of cancers in the population for which values are restated; None restates none.
        draws: of the bootstrap.
        seed: of the draws.
        least_cell: positives or negatives below which a subgroup is marked as small.

    Raises:
        UserError: a value is none that it can have.
    """

    threshold: str | float = DEFAULT
    aggregate: str = "mean"
    calibration: str = "none"
    operating_points: tuple[str, ...] = ()
    prevalence: float | None = None
    draws: int = DRAWS
    seed: int = 0
    least_cell: int = 10

    def __post_init__(self) -> None:
        object.__setattr__(self, "operating_points", tuple(self.operating_points))  # a list, from YAML
        check_threshold(self.threshold)
        check_rule(self.aggregate)
        check_calibration(self.calibration)
        for goal in self.operating_points:
            Goal.of(goal)
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise UserError(
                "expected evaluate.prevalence to be null or a share between 0 and 1, such as 0.005, found "
                f"{self.prevalence}"
            )
        for name in ("draws", "least_cell"):
            if getattr(self, name) < 1:
                raise UserError(f"expected evaluate.{name} of 1 or more, found {getattr(self, name)}")
