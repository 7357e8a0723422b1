"""What a table of predictions is worth: every level with intervals, operating points and calibration.

Thresholds, calibrators and learnt rules are fitted on the rows of `val`, and judged on those of `test` (or of
`val` itself where there is no `test`, which is said).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.evaluation.assessment.settings import Settings
from bcdl.evaluation.assessment.statistic import level_statistic, points_table, wilson_intervals
from bcdl.evaluation.levels import aggregate, fitted_rule, joining_levels, probabilities
from bcdl.evaluation.predictions import labels, logits
from bcdl.evaluation.thresholds import resolve_threshold
from bcdl.stats import Calibrator, Drawn, Goal, Interval, auroc_interval, bootstrap, fit_calibrator

FITTED, JUDGED = "val", "test"
ON_VALIDATION = (
    "There are no test samples: the validation samples are judged, on which thresholds and calibration were "
    "fitted. What follows is optimistic."
)
ONE_CLASS = "The judged samples hold one class only: what needs two is undefined."
DECISION = "decision"


@dataclass(frozen=True)
class LevelAssessment:
    """One level's results.

    Attributes:
        level: `image`, `breast`, `exam` or `patient`.
        table: the judged rows, calibrated, in the order of `sample_id`.
        patients: `(N,)` codes of what is drawn together.
        thresholds: `decision`, then those operating points that could be fitted.
        drawn: every statistic.
        delong: AUROC with DeLong's interval; None of K classes.
    """

    level: str
    table: pd.DataFrame
    patients: NDArray[np.int64]
    thresholds: Mapping[str, float]
    drawn: Mapping[str, Drawn]
    delong: Interval | None

    @property
    def intervals(self) -> dict[str, Interval]:
        """Every statistic with its interval; `auroc_delong` has DeLong's, `accuracy_wilson` Wilson's."""
        found = {name: drawn.interval() for name, drawn in self.drawn.items()}
        found |= {} if self.delong is None else {"auroc_delong": self.delong}
        counted = wilson_intervals(labels(self.table), probabilities(self.table), self.thresholds[DECISION])
        return found | {f"{name}_wilson": interval for name, interval in counted.items()}

    @property
    def points(self) -> pd.DataFrame:
        """The operating points, a row a point and quantity (`points_table`); empty of K classes."""
        if self.delong is None:
            return points_table(np.zeros(0, np.int64), np.zeros(0), {}, {})
        return points_table(labels(self.table), probabilities(self.table), self.thresholds, self.intervals)


@dataclass(frozen=True)
class Assessment:
    """Results at every level.

    Attributes:
        levels: that of the samples first.
        calibrator: what was fitted and applied.
        notes: what a reader must know.
    """

    levels: tuple[LevelAssessment, ...]
    calibrator: Calibrator
    notes: tuple[str, ...]

    @property
    def intervals(self) -> dict[str, Interval]:
        """Every statistic by name: `auroc` of the samples, `patient/auroc` of coarser levels."""
        prefixes = ["", *(f"{level.level}/" for level in self.levels[1:])]
        return {
            f"{prefix}{name}": interval
            for prefix, level in zip(prefixes, self.levels, strict=True)
            for name, interval in level.intervals.items()
        }


def assess(predictions: pd.DataFrame, unit: str, settings: Settings, by_patient: bool = True) -> Assessment:
    """Judge predictions.

    Args:
        predictions: a predictions table; rows without a label, and those of `train`, count nowhere.
        unit: what a sample is: image, breast, exam or patient.
        settings: how.
        by_patient: whether `patient_id` tells patients apart; otherwise samples are drawn.

    Raises:
        UserError: a setting does not go with these predictions.
    """
    known = predictions[predictions["label"].notna() & predictions["split"].isin((FITTED, JUDGED))]
    calibrator = fitted_calibrator(known, settings.calibration)
    calibrated = with_probabilities(known, calibrator)
    tables = {unit: calibrated}
    for level in joining_levels(calibrated, unit) if by_patient else []:
        rule = fitted_rule(settings.aggregate, calibrated[calibrated["split"] == FITTED], level)
        tables[level] = aggregate(calibrated, level, rule)
    levels = tuple(_level(level, table, settings, by_patient) for level, table in tables.items())
    notes = [] if (known["split"] == JUDGED).any() else [ON_VALIDATION]
    if levels[0].table["label"].nunique() < 2:
        notes.append(ONE_CLASS)
    return Assessment(levels, calibrator, tuple(notes))


def fitted_calibrator(predictions: pd.DataFrame, method: str) -> Calibrator:
    """Return the calibrator that the labelled validation rows of a predictions table give."""
    fitting = predictions[predictions["label"].notna() & (predictions["split"] == FITTED)]
    return fit_calibrator(method, labels(fitting), logits(fitting))


def with_probabilities(predictions: pd.DataFrame, calibrator: Calibrator) -> pd.DataFrame:
    """Return predictions with the probabilities that a calibrator makes of their logits."""
    return predictions if calibrator.method == "none" else _of_logits(predictions, calibrator)


def uncalibrated(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predictions with the model's own probabilities, whatever had calibrated them."""
    return _of_logits(predictions, Calibrator())


def _of_logits(predictions: pd.DataFrame, calibrator: Calibrator) -> pd.DataFrame:
    shares = calibrator(logits(predictions))
    if shares.ndim == 1:
        return predictions.assign(probability=shares)
    return predictions.assign(**{f"probability_{label}": column for label, column in enumerate(shares.T)})


def judged_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are judged, in the order of their ids: draws do not depend on a file's order."""
    split = JUDGED if (table["split"] == JUDGED).any() else FITTED
    return table[table["split"] == split].sort_values("sample_id", ignore_index=True)


def fitted_thresholds(table: pd.DataFrame, settings: Settings) -> dict[str, float]:
    """Return the threshold of decisions and, of two classes, of each goal that validation rows define."""
    fitting = table[table["split"] == FITTED]
    thresholds = {DECISION: resolve_threshold(settings.threshold, fitting)}
    if fitting.empty or probabilities(fitting).ndim == 2:
        return thresholds
    for goal in settings.operating_points:
        fitted = Goal.of(goal).fit(labels(fitting), probabilities(fitting))
        thresholds |= {} if np.isnan(fitted) else {goal: fitted}
    return thresholds


def _level(level: str, table: pd.DataFrame, settings: Settings, by_patient: bool) -> LevelAssessment:
    judged, thresholds = judged_rows(table), fitted_thresholds(table, settings)
    truth, shares = labels(judged), probabilities(judged)
    patients = pd.factorize(judged["patient_id" if by_patient else "sample_id"])[0].astype(np.int64)
    statistic = level_statistic(truth, shares, thresholds, settings.prevalence)
    word = "patient" if by_patient else "sample"
    drawn = bootstrap(statistic, patients, settings.draws, settings.seed, word)
    delong = auroc_interval(truth, shares, patients) if shares.ndim == 1 else None
    return LevelAssessment(level, judged, patients, thresholds, drawn, delong)
