"""The folds and seeds of one trial as one result: out-of-fold predictions, and metrics with their spread.

Each table is what one run predicted (`predictions.parquet`): one fold, one seed, validation and test samples.
Without folds, all runs test the same samples, and what is pooled is their ensemble.
"""

import warnings
from collections.abc import Sequence

import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning

from bcdl.errors import UserError
from bcdl.evaluation.levels import aggregate, fitted_rule, joining_levels, probability_columns
from bcdl.evaluation.summary import summarise
from bcdl.evaluation.thresholds import resolve_threshold

_SAMPLE = ["sample_id", "patient_id", "exam_id", "laterality", "split", "fold", "label"]
_OF_SCORES = ("auroc", "average_precision", "brier", "loss")  # the others count decisions


def pooled(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join the test predictions of a trial's folds into one out-of-fold table.

    Args:
        tables: predictions tables, one a fold and seed, in any order.

    Returns:
        Every test sample once, fold after fold, with the columns of the predictions table but the logits. The
        probabilities that several seeds give to a sample are averaged.

    Raises:
        UserError: a table has no test predictions or several folds, a patient is tested in two folds, or the
            seeds of a fold differ in their samples.
    """
    return pd.concat([_of(fold, "test") for fold in _by_fold(tables)], ignore_index=True)


def summary(tables: Sequence[pd.DataFrame], *, unit: str, threshold: str | float, rule: str) -> pd.DataFrame:
    """Return a trial's test metrics: mean and spread over its folds and seeds, and those of the pool.

    `mean` and `sd` (n - 1) are over the `n` runs in which the metric is defined. Folds share training
    patients: `sd` tells how far runs differ, and no confidence interval follows from it (Bengio and
    Grandvalet 2004, No unbiased estimator of the variance of k-fold cross-validation, JMLR 5).

    `pooled` is evaluated once, on `pooled(tables)`. Decisions are made fold by fold, at the threshold that
    the fold's own validation samples give (averaged over seeds, as its test samples are), and counted
    together. The pooled AUROC and average precision rank the scores of different models against each other:
    where folds are calibrated differently they tend to fall below the folds' own, so read them beside the
    mean (Forman and Scholz 2010, Apples-to-apples in cross-validation studies, SIGKDD Explorations 12(1)).
    Where folds hold few positives, or none, the pool is what can still be measured.

    Args:
        tables: predictions tables, one a fold and seed.
        unit: what a sample is: image, breast, exam or patient.
        threshold: `youden`, fitted at each level, or a number.
        rule: of `evaluate.aggregate`: how samples become a coarser level.

    Returns:
        Columns `metric, mean, sd, n, pooled`; a row a metric, named `auroc`, or `breast/auroc` for levels
        above the unit that join samples. What is undefined is NaN.

    Raises:
        UserError: as for `pooled`, or the threshold is neither.
    """
    folds = _by_fold(tables)
    test_of_runs, test_of_folds = ([_of(part, "test") for part in parts] for parts in (tables, folds))
    of_runs, of_folds = (
        [resolve_threshold(threshold, _of(part, "val")) for part in parts] for parts in (tables, folds)
    )
    found = [_rows("", test_of_runs, of_runs, test_of_folds, of_folds)]
    for level in joining_levels(pd.concat(test_of_folds), unit):
        runs, joined = ([_joined(part, level, rule) for part in parts] for parts in (tables, folds))
        tests = [[_of(part, "test") for part in parts] for parts in (runs, joined)]
        cuts = [
            [resolve_threshold(threshold, _of(part, "val")) for part in parts] for parts in (runs, joined)
        ]
        found.append(_rows(f"{level}/", tests[0], cuts[0], tests[1], cuts[1]))
    return pd.concat(found, ignore_index=True)


def _joined(table: pd.DataFrame, level: str, rule: str) -> pd.DataFrame:
    return aggregate(table, level, fitted_rule(rule, _of(table, "val"), level))


def _rows(
    prefix: str,
    runs: list[pd.DataFrame],
    of_runs: list[float],
    folds: list[pd.DataFrame],
    of_folds: list[float],
) -> pd.DataFrame:
    """Return the metrics of one level; `of_runs` and `of_folds` are the thresholds of the tables."""
    pool = _decided(folds, of_folds)
    each = pd.DataFrame(
        [summarise(run, cut)["test"] for run, cut in zip(runs, of_runs, strict=True)], columns=list(pool)
    )
    return pd.DataFrame(
        {
            "metric": [f"{prefix}{name}" for name in pool],
            "mean": each.mean().to_numpy(),
            "sd": each.std(ddof=1).to_numpy(),
            "n": each.count().to_numpy(),
            "pooled": list(pool.values()),
        }
    )


def _decided(folds: list[pd.DataFrame], thresholds: list[float]) -> dict[str, float]:
    """Return the metrics of all folds' samples together, each decided at its own fold's threshold."""
    metrics = summarise(pd.concat(folds))["test"]
    if probability_columns(folds[0]) != ["probability"]:  # of K classes the likeliest, without a threshold
        return metrics
    decisions = [
        fold.assign(probability=(fold["probability"] >= cut).astype(float))
        for fold, cut in zip(folds, thresholds, strict=True)
    ]
    with warnings.catch_warnings():  # what is undefined was said above
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        counted = summarise(pd.concat(decisions))["test"]
    return {**counted, **{name: metrics[name] for name in _OF_SCORES}}


def _of(table: pd.DataFrame, split: str) -> pd.DataFrame:
    return table[table["split"] == split]


def _by_fold(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return one table a fold, averaged over its seeds, in the order of the folds."""
    of_fold: dict[int | None, list[pd.DataFrame]] = {}
    for table in tables:
        of_fold.setdefault(_fold(table), []).append(table)
    if None in of_fold and len(of_fold) > 1:
        raise UserError(
            "expected the runs of one trial, found some of a cross-validation and some without folds; pool "
            "them apart"
        )
    if not of_fold:
        raise UserError("expected the predictions of one or more runs, found none")
    folds = [_averaged(of_fold[number]) for number in sorted(of_fold, key=lambda fold: fold or 0)]
    _require_apart([_of(fold, "test") for fold in folds])
    return folds


def _fold(table: pd.DataFrame) -> int | None:
    """Return the fold that a run tested on."""
    folds = table["fold"].drop_duplicates().tolist()
    if len(folds) > 1:
        raise UserError(
            f"expected one fold a table, found {len(folds)}; give each run's own predictions.parquet"
        )
    if _of(table, "test").empty:
        raise UserError(
            "expected test predictions in every table, found one without; train with a test split "
            "(in a sweep sweep.test=all)"
        )
    return None if pd.isna(folds[0]) else int(folds[0])


def _averaged(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Average the probabilities of each sample over the seeds of one fold."""
    columns = probability_columns(tables[0])
    rows = pd.concat([table[[*_SAMPLE, *columns]] for table in tables])
    samples = rows.groupby(_SAMPLE, sort=False, dropna=False)
    if not samples.size().eq(len(tables)).all():
        raise UserError(
            f"expected the same samples and labels in the {len(tables)} tables of fold {_fold(tables[0])}, "
            "found others; pool runs of the same data, with the same data.split_seed and data.folds"
        )
    return samples[columns].mean().reset_index()


def _require_apart(folds: list[pd.DataFrame]) -> None:
    """Refuse patients that are tested in two folds."""
    patients = pd.concat([fold["patient_id"].drop_duplicates() for fold in folds])
    twice = sorted(patients[patients.duplicated()].unique())
    if twice:
        raise UserError(
            f"expected every patient in one fold, found {len(twice)} in several, such as {twice[0]}; pool "
            "runs with the same data.split_seed and data.folds"
        )
