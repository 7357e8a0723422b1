"""The tables of scores: a row a method, its curve of lesions found, its steps of randomisation."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bcdl.explain import Lesions, RandomisationCheck
from bcdl.explain.candidates import marks_of
from bcdl.explain.scoring import Scored, summary
from bcdl.explanations.examined import Examined
from bcdl.explanations.maps import Explained
from bcdl.stats import Froc, Interval, froc_curve, froc_intervals
from bcdl.stats.froc import MEAN


def score_table(
    examined: Examined,
    found: Mapping[str, Explained],
    noise: tuple[float, float],
    intervals: Mapping[str, Mapping[str, Interval]],
    seed: int,
) -> pd.DataFrame:
    """Return a row a method: what its maps are worth by the lesions.

    Args:
        examined: What is explained.
        found: What each method said.
        noise: Areas of deletion and insertion by maps of noise.
        intervals: Of each method the sensitivities of its curve.
        seed: Of the intervals.
    """
    patients = examined.data.samples["patient_id"].tolist()
    by_noise = dict(zip(("deletion_chance", "insertion_chance"), noise, strict=True))
    return pd.DataFrame(
        [
            {"method": name, **summary(each.scored, patients, seed), **by_noise}
            | {"froc": intervals[name][MEAN].value}
            for name, each in found.items()
        ]
    )


def check_table(checks: Mapping[str, RandomisationCheck]) -> pd.DataFrame:
    """Return a row a method: the correlation in the end, the cutoff, and whether the check is passed."""
    return pd.DataFrame(
        [
            {
                "method": name,
                "randomisation": float(check.table["correlation"].iloc[-1]),
                "randomisation_cutoff": check.cutoff,
                "passes": check.passed,
            }
            for name, check in checks.items()
        ]
    )


def pointing_table(examined: Examined, found: Mapping[str, Explained], lesions: Lesions) -> pd.DataFrame:
    """Return a row a method and view with a lesion: whether it hit, its energy, and both by chance."""
    tables = [pd.DataFrame(each.scored.views).assign(method=name) for name, each in found.items()]
    joined = pd.concat(tables, ignore_index=True)
    images, samples = examined.data.table.images, examined.data.samples.iloc[joined["sample"]]
    rows = [each[slot] for each, slot in zip(samples["rows"], joined["slot"], strict=True)]
    shown = images["image_id"].iloc[rows].to_numpy()
    known = pd.DataFrame(
        {
            "method": joined["method"],
            "patient_id": samples["patient_id"].to_numpy(),
            "image_id": shown,
            "kinds": [lesions.kinds(image_id) for image_id in shown],
        }
    )
    return pd.concat([known, joined.drop(columns=["method", "sample", "slot"])], axis=1)


def curves(found: Mapping[str, Explained]) -> dict[str, Froc]:
    """Return the curve of each method."""
    return {name: froc_curve(marks_of(each.scored.marks)) for name, each in found.items()}


def sensitivities(
    examined: Examined, found: Mapping[str, Explained], seed: int
) -> dict[str, dict[str, Interval]]:
    """Return the sensitivities of each method's curve with their intervals over patients."""
    return {name: _sensitivities(examined, each.scored, seed) for name, each in found.items()}


def sensitivity_table(intervals: Mapping[str, Mapping[str, Interval]]) -> pd.DataFrame:
    """Return a row a method and rate of false marks an image."""
    return pd.DataFrame(
        [
            {"method": name, "false_marks_per_image": rate, "sensitivity": each.value}
            | {"ci_low": each.low, "ci_high": each.high, "interval": each.method}
            for name, rates in intervals.items()
            for rate, each in rates.items()
        ]
    )


def randomisation_table(checks: Mapping[str, RandomisationCheck]) -> pd.DataFrame:
    """Return a row a method and step of its check."""
    tables = [
        check.table.assign(method=name, unrelated=check.unrelated, cutoff=check.cutoff)
        for name, check in checks.items()
    ]
    joined = pd.concat(tables, ignore_index=True)
    joined.insert(0, "method", joined.pop("method"))
    return joined


def _sensitivities(examined: Examined, scored: Scored, seed: int) -> dict[str, Interval]:
    patients = examined.data.samples["patient_id"].iloc[scored.marked]
    codes = pd.factorize(patients)[0].astype(np.int64)
    return froc_intervals(marks_of(scored.marks), codes, seed=seed)
