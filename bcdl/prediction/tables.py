"""The tables that a user gets: a row a sample, and a row a patient."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.evaluation import aggregate
from bcdl.evaluation.levels import probabilities
from bcdl.metrics import predicted_classes
from bcdl.prediction.rules import Rules, share_columns, with_shares
from bcdl.serving.answer import probability_columns
from bcdl.serving.facts import Facts


def sample_table(
    samples: pd.DataFrame,
    logits: NDArray[np.float32],
    rules: Rules,
    facts: Facts,
    distance: NDArray[np.float64] | None,
    cutoff: float,
) -> pd.DataFrame:
    """Return the table of samples.

    Args:
        samples: as `Scored` has them.
        logits: (N,) or (N, K), NaN where there are none.
        rules: what makes probabilities and decisions of them.
        facts: of the data that the model was trained on.
        distance: (N,) from the training samples; None where it is not known.
        cutoff: distance above which a sample is far.

    Returns:
        `sample_id, patient_id, exam_id, laterality, images, views`, the probability (of K classes one a
        class), `decision`, `threshold` (of two classes), `far_from_training` and `distance` (null where not
        known), `quality` (`pass` or `fail`), `problems`, `error` and, where drawn, `overlay`.
    """
    known = ~np.isnan(logits.reshape(len(logits), -1)).any(axis=1)
    shares = np.full(logits.shape, np.nan)
    shares[known] = rules.calibrator(logits[known].astype(np.float64))
    far = None if distance is None else pd.Series(distance > cutoff, dtype="boolean").where(pd.Series(known))
    found = {
        "far_from_training": far,
        "distance": distance,
        "quality": np.where(samples["refused"], "fail", "pass"),
        "problems": samples["problems"],
        "error": samples["error"],
    }
    further = {"overlay": samples["overlay"]} if "overlay" in samples else {}
    table = samples[["sample_id", "patient_id", "exam_id", "laterality", "images", "views"]]
    return _decided(table, shares, rules.threshold, facts).assign(**found, **further)


def patient_table(samples: pd.DataFrame, rules: Rules, facts: Facts) -> pd.DataFrame:
    """Return the table of patients, in the order in which they first appear.

    Args:
        samples: what `sample_table` gave.
        rules: what joins a patient's samples, and decides.
        facts: of the data that the model was trained on.

    Returns:
        `patient_id`, `samples` (those with a probability), `without` (those without), the probability,
        `decision`, `threshold`, `far_from_training` (whether one of the samples is) and `quality`.
    """
    names = probability_columns(facts.classes)
    known = samples[samples[names[0]].notna()]
    order = pd.Index(samples["patient_id"].unique(), name="patient_id")
    shares = np.full((len(order), len(names)), np.nan)
    if len(known):
        values = known[names].to_numpy(np.float64)
        plain = known[["patient_id"]].assign(
            split="test", label=pd.array([pd.NA] * len(known), dtype="Int64")
        )
        joined = aggregate(
            with_shares(plain, values[:, 0] if len(names) == 1 else values), "patient", rules.rule
        )
        shares[order.get_indexer(pd.Index(joined["patient_id"]))] = probabilities(joined).reshape(
            len(joined), -1
        )
    by_patient = samples.assign(known=samples[names[0]].notna()).groupby("patient_id", sort=False)
    count, all_samples = by_patient["known"].sum(), by_patient.size()
    table = pd.DataFrame(
        {"patient_id": order, "samples": count.to_numpy(), "without": (all_samples - count).to_numpy()}
    )
    table = _decided(table, shares[:, 0] if len(names) == 1 else shares, rules.patient_threshold, facts)
    told = samples["far_from_training"].notna().any()
    table["far_from_training"] = by_patient["far_from_training"].max().to_numpy() if told else None
    failed = samples["patient_id"][samples["quality"] == "fail"]
    return table.assign(quality=np.where(table["patient_id"].isin(failed), "fail", "pass"))


def _decided(
    table: pd.DataFrame, shares: NDArray[np.float64], threshold: float | None, facts: Facts
) -> pd.DataFrame:
    """Add probabilities, decisions (null where there is no probability) and the threshold."""
    table = with_shares(table, shares)
    named = dict(zip(share_columns(shares), probability_columns(facts.classes), strict=True))
    table = table.rename(columns=named)
    known = ~np.isnan(shares.reshape(len(shares), -1)).any(axis=1)
    decision = np.full(len(shares), None, dtype=object)
    chosen = predicted_classes(shares[known], 0.5 if threshold is None else threshold)
    decision[known] = [facts.classes[label] for label in chosen]
    table["decision"] = decision
    return table if threshold is None else table.assign(threshold=threshold)
