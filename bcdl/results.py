"""A run's metrics from its predictions, by the names under which MLflow has them, and its report's files.

The predictions alone are needed, neither the data nor a model.
"""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from bcdl.evaluation import (
    aggregate,
    fitted_rule,
    fitted_youden,
    joining_levels,
    resolve_threshold,
    summarise,
)
from bcdl.evaluation.assessment import Assessment, Written
from bcdl.evaluation.assessment.files import PAGE
from bcdl.evaluation.thresholds import DEFAULT
from bcdl.pages import to_pdf
from bcdl.scores import METRICS
from bcdl.stats import Calibrator
from bcdl.tracking import TrackedRun
from bcdl.tracking.options import ui_command

REPORT, PDF = "report", "report.pdf"
VALIDATION = "val"
_PREFIX = {"val": "best/val", "test": "test"}
_YOUDEN = "youden"
_OF_ORDER = ("auroc", "average_precision")
_OF_THRESHOLD = ("accuracy", "balanced_accuracy", "precision", "sensitivity", "specificity", "f1", "mcc")


def results_of(
    predictions: pd.DataFrame,
    unit: str,
    evaluate: DictConfig,
    threshold: float,
    data_sets: Sequence[str] = (),
) -> dict[str, float]:
    """Return metrics named `test/auroc`, `test/breast/auroc` for the levels above the unit.

    What is fitted is fitted at each level, on its validation rows.

    Args:
        predictions: table of validation and test samples, calibrated.
        unit: what a sample is.
        evaluate: how they are judged.
        threshold: of decisions.
        data_sets: of several the names, with which their ids begin; each has metrics of its own,
            `test/<data set>/auroc`.
    """
    found = _named(summarise(predictions, threshold), "")
    for level in joining_levels(predictions, unit):
        rule = fitted_rule(evaluate.aggregate, _validation(predictions), level)
        grouped = aggregate(predictions, level, rule)
        cut = resolve_threshold(evaluate.threshold, _validation(grouped))
        found |= {**_named(summarise(grouped, cut), f"{level}/"), f"{level}/threshold": cut}
    names = predictions["patient_id"].str.partition("/")[0]
    for name in data_sets:
        found |= _named(summarise(predictions[names == name], threshold), f"{name}/")
    return found


def ranked_on_validation(
    raw: pd.DataFrame, unit: str, evaluate: DictConfig, calibrator: Calibrator
) -> dict[str, float]:
    """Return the validation metrics of order alone, by the model's own probabilities.

    Runs are compared and chosen by them, and a calibrator that joins samples (isotonic) would raise them on
    the samples that it was fitted on.

    Args:
        raw: table of validation samples and others, as the model gave them.
        unit: what a sample is.
        evaluate: how they are judged.
        calibrator: what is applied; none changes nothing.
    """
    if calibrator.method == "none":
        return {}
    found = results_of(_validation(raw), unit, evaluate, DEFAULT)
    return {name: value for name, value in found.items() if name.rpartition("/")[2] in _OF_ORDER}


def at_youden(predictions: pd.DataFrame) -> dict[str, float]:
    """Return the metrics at Youden's threshold, none where validation does not define one."""
    fitted = fitted_youden(_validation(predictions))
    if fitted is None:
        return {}
    summary = summarise(predictions, fitted)
    chosen = {split: {name: values[name] for name in _OF_THRESHOLD} for split, values in summary.items()}
    return {**_named(chosen, f"{_YOUDEN}/"), f"{_YOUDEN}/threshold": fitted}


def print_results(
    run: TrackedRun,
    results: Mapping[str, float],
    threshold: float,
    data_sets: Sequence[str] = (),
    what: str = "best epoch",
) -> None:
    """Print a run's metrics of validation and test, and how to browse it.

    Args:
        run: the run.
        results: its metrics, as `results_of` names them.
        threshold: of decisions.
        data_sets: those that are judged apart.
        what: of the run is shown.
    """
    titles = {"best/val": "validation", "test": "test"}
    titles |= {f"test/{name}": f"test, {name}" for name in data_sets}
    present = [prefix for prefix in titles if f"{prefix}/{METRICS[0]}" in results]
    table = Table("metric")
    for prefix in present:
        table.add_column(titles[prefix], justify="right")
    for name in METRICS:
        table.add_row(name, *(f"{results[f'{prefix}/{name}']:.4f}" for prefix in present))
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{run.name}[/bold], {what}, threshold {threshold:.3f}")
    console.print(table)
    console.print(f"run {run.id}; browse it with: {ui_command(run.store.root, run.store.experiment)}")


def record_written(run: TrackedRun, files: Written, pdf: bool = False) -> None:
    """Record what an assessment writes as artifacts: pictures by their names, all else below `report`.

    Args:
        run: the run.
        files: what is written.
        pdf: whether its page is recorded as a PDF too.
    """
    for name, text in files.texts.items():
        run.log_text(text, f"{REPORT}/{name}")
    for name, table in files.tables.items():
        run.log_table(table, f"{REPORT}/{name}")
    for name, content in files.pictures.items():
        run.log_bytes(content, name)
    if pdf:
        run.log_bytes(to_pdf(files.texts[PAGE]), f"{REPORT}/{PDF}")


def interval_ends(assessment: Assessment) -> dict[str, float]:
    """Return the ends of the metrics' intervals, named `test/auroc_ci_low`."""
    found: dict[str, float] = {}
    for name, interval in assessment.intervals.items():
        if name.rpartition("/")[2] in METRICS and not math.isnan(interval.low):
            found |= {f"test/{name}_ci_low": interval.low, f"test/{name}_ci_high": interval.high}
    return found


def _validation(predictions: pd.DataFrame) -> pd.DataFrame:
    return predictions[predictions["split"] == VALIDATION]


def _named(summary: Mapping[str, Mapping[str, float]], level: str) -> dict[str, float]:
    return {
        f"{_PREFIX[split]}/{level}{name}": value
        for split, values in summary.items()
        for name, value in values.items()
    }
