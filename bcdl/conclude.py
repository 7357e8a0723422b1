"""From trained weights to results: predictions, metrics at every level, figures, a table in the terminal."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from bcdl.data import ExamDataModule
from bcdl.evaluation import (
    aggregate,
    fitted_rule,
    fitted_youden,
    joining_levels,
    predictions_table,
    resolve_threshold,
    summarise,
)
from bcdl.evaluation.assessment import fitted_calibrator, with_probabilities
from bcdl.evaluation.figures import learning_curves, result_figures
from bcdl.inference import predict
from bcdl.lineage import JUDGED_BY
from bcdl.metrics import METRICS
from bcdl.models import Classifier
from bcdl.reporting import record_report
from bcdl.serving.facts import FILE, Facts
from bcdl.tracking import TrackedRun
from bcdl.tracking.options import ui_command

PREDICTIONS = "predictions.parquet"
VALIDATION = "val"
SPLITS = (VALIDATION, "test")
_PREFIX = {"val": "best/val", "test": "test"}
_YOUDEN = "youden"
_OF_THRESHOLD = ("accuracy", "balanced_accuracy", "precision", "sensitivity", "specificity", "f1", "mcc")


def infer(
    model: Classifier, data: ExamDataModule, device: torch.device, splits: Sequence[str] = SPLITS
) -> pd.DataFrame:
    """Return the predictions table of the validation samples, and of the test samples where there are any.

    Args:
        model: the model with its best weights.
        data: its prepared data.
        device: where to compute.
        splits: without `test`, the test samples are not looked at.
    """
    present = [split for split in splits if data.has_samples(split)]
    fold = data.source.fold
    tables = [
        predictions_table(data.samples, *predict(model, data, split, device), fold) for split in present
    ]
    return pd.concat(tables, ignore_index=True)


def conclude(
    run: TrackedRun, cfg: DictConfig, data: ExamDataModule, predictions: pd.DataFrame, own: bool = True
) -> dict[str, float]:
    """Record predictions, metrics and figures in a run, print the metrics, and return them by name.

    Args:
        run: the open run.
        cfg: its configuration; `evaluate` says how.
        data: its prepared data.
        predictions: table of validation and test samples, from the best weights. The report and the figures
            show the test samples; without any there is no report, and the figures show the validation
            samples.
        own: whether the data are those that the run was trained on: what `bcdl predict` needs is recorded.
    """
    calibrator = fitted_calibrator(predictions, cfg.evaluate.calibration)
    predictions = with_probabilities(predictions, calibrator)
    validation = _validation(predictions)
    threshold = resolve_threshold(cfg.evaluate.threshold, validation)
    results = _results(predictions, data.unit, cfg.evaluate, threshold)
    results |= _by_data_set(predictions, data.source.data_sets, threshold)
    youden = _at_youden(predictions, validation)
    run.log_new({**results, **youden, "threshold": threshold})
    run.log_table(predictions, PREDICTIONS)
    if own:
        run.log_text(Facts.of(data, cfg, threshold, calibrator).written(), FILE)
        run.log_text(OmegaConf.to_yaml(cfg.evaluate), JUDGED_BY)
    test = predictions[predictions["split"] == "test"]
    if cfg.evaluate.report and not test.empty:
        record_report(run, cfg, data, predictions)
    elif cfg.evaluate.figures:
        shown = validation if test.empty else test
        for name, figure in result_figures(shown, data.classes, threshold).items():
            run.log_figure(figure, f"figures/{name}.png")
    _print_results(run, results, threshold, data.source.data_sets)
    return results


def draw_curves(
    run: TrackedRun, history: Mapping[str, Mapping[int, float]], best_epoch: int, figures: bool = True
) -> None:
    """Record the best epoch of a run (from 1) and, as a figure, its learning curves, a point an epoch."""
    run.log_new({"best_epoch": best_epoch})
    if not figures:
        return
    steps = sorted(set().union(*history.values()))  # each epoch logs something, at its last step
    epochs = {step: number for number, step in enumerate(steps, start=1)}
    curves = {}
    for name, points in history.items():
        curves[name] = ([epochs[step] for step in sorted(points)], [points[step] for step in sorted(points)])
    run.log_figure(learning_curves(curves, best_epoch=best_epoch), "figures/learning_curves.png")


def _results(
    predictions: pd.DataFrame, unit: str, evaluate: DictConfig, threshold: float
) -> dict[str, float]:
    """Return metrics named `test/auroc`, and `test/breast/auroc` for the levels above the unit.

    What is fitted is fitted at each level, on its validation rows.
    """
    found = _named(summarise(predictions, threshold), "")
    for level in joining_levels(predictions, unit):
        rule = fitted_rule(evaluate.aggregate, _validation(predictions), level)
        grouped = aggregate(predictions, level, rule)
        cut = resolve_threshold(evaluate.threshold, _validation(grouped))
        found |= {**_named(summarise(grouped, cut), f"{level}/"), f"{level}/threshold": cut}
    return found


def _validation(predictions: pd.DataFrame) -> pd.DataFrame:
    return predictions[predictions["split"] == VALIDATION]


def _by_data_set(predictions: pd.DataFrame, data_sets: tuple[str, ...], threshold: float) -> dict[str, float]:
    """Return the metrics of each data set apart, named `test/<data set>/auroc`; ids begin with its name."""
    names = predictions["patient_id"].str.partition("/")[0]
    found: dict[str, float] = {}
    for name in data_sets:
        found |= _named(summarise(predictions[names == name], threshold), f"{name}/")
    return found


def _at_youden(predictions: pd.DataFrame, validation: pd.DataFrame) -> dict[str, float]:
    """Return the metrics at Youden's threshold, none where validation does not define one."""
    fitted = fitted_youden(validation)
    if fitted is None:
        return {}
    summary = summarise(predictions, fitted)
    chosen = {split: {name: values[name] for name in _OF_THRESHOLD} for split, values in summary.items()}
    return {**_named(chosen, f"{_YOUDEN}/"), f"{_YOUDEN}/threshold": fitted}


def _named(summary: Mapping[str, Mapping[str, float]], level: str) -> dict[str, float]:
    return {
        f"{_PREFIX[split]}/{level}{name}": value
        for split, values in summary.items()
        for name, value in values.items()
    }


def _print_results(
    run: TrackedRun, results: Mapping[str, float], threshold: float, data_sets: tuple[str, ...]
) -> None:
    titles = {"best/val": "validation", "test": "test"}
    titles |= {f"test/{name}": f"test, {name}" for name in data_sets}
    present = [prefix for prefix in titles if f"{prefix}/{METRICS[0]}" in results]
    table = Table("metric")
    for prefix in present:
        table.add_column(titles[prefix], justify="right")
    for name in METRICS:
        table.add_row(name, *(f"{results[f'{prefix}/{name}']:.4f}" for prefix in present))
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{run.name}[/bold], best epoch, threshold {threshold:.3f}")
    console.print(table)
    console.print(f"run {run.id}; browse it with: {ui_command(run.store.root, run.store.experiment)}")
