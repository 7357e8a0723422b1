"""All statistics of one level as one function of weights, and the operating points among them as a table."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.metrics.decisions import predicted_classes
from bcdl.metrics.weighted import WeightedMetrics
from bcdl.stats import (
    CalibrationError,
    Interval,
    Operating,
    ProbabilisticF1,
    together,
    wilson,
)
from bcdl.stats.resampling import Statistic

AT_PREVALENCE = "at_prevalence"
_OF_PREVALENCE = ("ppv", "npv", "recall_rate", "cancers_per_1000")
Labels = NDArray[np.int64]
Shares = NDArray[np.float64]


def level_statistic(
    truth: Labels, shares: Shares, thresholds: Mapping[str, float], prevalence: float | None
) -> Statistic:
    """Return every statistic of labels and probabilities: the metrics, and of two classes all the others.

    Args:
        truth: `(N,)` labels.
        shares: `(N,)` probabilities of the positive class, or `(N, K)`.
        thresholds: those of the operating points; that of decisions first.
        prevalence: for which the operating points are restated as well.
    """
    metrics = WeightedMetrics(truth, shares, next(iter(thresholds.values())))
    if shares.ndim == 2:
        return metrics
    further: list[Statistic] = [ProbabilisticF1(truth, shares), CalibrationError(truth, shares)]
    for point, threshold in thresholds.items():
        further.append(_named(slug(point), Operating(truth, shares, threshold)))
        if prevalence is not None:
            restated = _only(Operating(truth, shares, threshold, prevalence), _OF_PREVALENCE)
            further.append(_named(f"{slug(point)}/{AT_PREVALENCE}", restated))
    return together(metrics, *further)


def points_table(
    truth: Labels, shares: Shares, thresholds: Mapping[str, float], intervals: Mapping[str, Interval]
) -> pd.DataFrame:
    """Return the operating points, a row a point and quantity.

    Args:
        truth: `(N,)` labels.
        shares: `(N,)` probabilities of the positive class.
        thresholds: by goal.
        intervals: those of the level's statistics, by name.

    Returns:
        `point, threshold, quantity, value, ci_low, ci_high, wilson_low, wilson_high`; Wilson's interval, for
        independent samples, where the quantity is a share of samples.
    """
    rows = []
    for goal, cut in thresholds.items():
        counted = _counted(truth, shares >= cut)
        for name, interval in intervals.items():
            if name.startswith(f"{slug(goal)}/"):
                quantity = name.removeprefix(f"{slug(goal)}/")
                share = counted.get(quantity)
                ends = (np.nan, np.nan) if share is None else (share.low, share.high)
                rows.append((goal, cut, quantity, interval.value, interval.low, interval.high, *ends))
    columns = ["point", "threshold", "quantity", "value", "ci_low", "ci_high", "wilson_low", "wilson_high"]
    return pd.DataFrame(rows, columns=columns)


def wilson_intervals(truth: Labels, shares: Shares, threshold: float) -> dict[str, Interval]:
    """Return those metrics of decisions that are shares of samples, with Wilson's interval.

    Args:
        truth: `(N,)` labels.
        shares: `(N,)` probabilities of the positive class, or `(N, K)`.
        threshold: of two classes, from which a sample is positive.
    """
    decided = predicted_classes(shares, threshold)
    found = {"accuracy": wilson(int((decided == truth).sum()), len(truth))}
    if shares.ndim == 2:
        return found
    counted = _counted(truth, decided == 1)
    return {
        **found,
        "precision": counted["ppv"],
        "sensitivity": counted["sensitivity"],
        "specificity": counted["specificity"],
    }


def slug(goal: str) -> str:
    """Return a goal as it stands in the names of metrics, where MLflow allows no `=`."""
    return goal.replace("=", "_")


def _counted(truth: Labels, called: NDArray[np.bool_]) -> dict[str, Interval]:
    cancer = truth == 1
    hits, spared = int((cancer & called).sum()), int((~cancer & ~called).sum())
    return {
        "sensitivity": wilson(hits, int(cancer.sum())),
        "specificity": wilson(spared, int((~cancer).sum())),
        "ppv": wilson(hits, int(called.sum())),
        "npv": wilson(spared, int((~called).sum())),
        "recall_rate": wilson(int(called.sum()), len(truth)),
    }


def _named(prefix: str, statistic: Statistic) -> Statistic:
    return lambda weights: {f"{prefix}/{name}": values for name, values in statistic(weights).items()}


def _only(statistic: Statistic, names: tuple[str, ...]) -> Statistic:
    def chosen(weights: Shares) -> dict[str, Shares]:
        found = statistic(weights)
        return {name: found[name] for name in names}

    return chosen
