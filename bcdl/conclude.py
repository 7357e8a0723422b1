"""From trained weights to results: predictions, metrics at every level, figures, a table in the terminal."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from omegaconf import DictConfig, OmegaConf

from bcdl.data import ExamDataModule
from bcdl.evaluation import predictions_table, resolve_threshold
from bcdl.evaluation.assessment import Section, fitted_calibrator, with_probabilities
from bcdl.evaluation.assessment.section import png
from bcdl.evaluation.figures import learning_curves, result_figures
from bcdl.inference import predict
from bcdl.models import Classifier
from bcdl.reporting import record_report, record_sections
from bcdl.results import VALIDATION, at_youden, print_results, ranked_on_validation, results_of
from bcdl.serving.facts import FILE, Facts
from bcdl.stats import Calibrator
from bcdl.subject import Subject
from bcdl.tracking import TrackedRun
from bcdl.tracking.artifacts import JUDGED_BY, PREDICTIONS
from bcdl.trained import CURVES, Training

SPLITS = (VALIDATION, "test")


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
    run: TrackedRun,
    cfg: DictConfig,
    subject: Subject,
    predictions: pd.DataFrame,
    training: Training,
    sections: Sequence[Section] = (),
) -> dict[str, float]:
    """Record predictions, metrics and figures in a run, print the metrics, and return them by name.

    Args:
        run: the open run.
        cfg: its configuration; `evaluate` says how.
        subject: what the predictions are about.
        predictions: table of validation and test samples, from the best weights. The report and the figures
            show the test samples; without any there is no report, and the figures show the validation
            samples.
        training: of the model that made them.
        sections: further ones of the report; their tables and pictures are recorded without one too.
    """
    calibrator = fitted_calibrator(predictions, cfg.evaluate.calibration)
    raw, predictions = predictions, with_probabilities(predictions, calibrator)
    validation = predictions[predictions["split"] == VALIDATION]
    threshold = resolve_threshold(cfg.evaluate.threshold, validation)
    results = results_of(predictions, subject.unit, cfg.evaluate, threshold, subject.data_sets)
    results |= ranked_on_validation(raw, subject.unit, cfg.evaluate, calibrator)
    further = {**at_youden(predictions), "threshold": threshold}
    run.log_new({**results, **further})
    run.log_table(predictions, PREDICTIONS)
    own = training.run_id == run.id
    facts = _recorded_facts(run, cfg, subject, threshold, calibrator) if own else None
    test = predictions[predictions["split"] == "test"]
    if cfg.evaluate.report and not test.empty:
        record_report(run, cfg, subject, predictions, training, {**results, **further}, facts, sections)
    else:
        record_sections(run, sections)
        if cfg.evaluate.figures:
            shown = validation if test.empty else test
            for name, figure in result_figures(shown, subject.classes, threshold).items():
                run.log_figure(figure, f"figures/{name}.png")
    print_results(run, results, threshold, subject.data_sets)
    return results


def _recorded_facts(
    run: TrackedRun, cfg: DictConfig, subject: Subject, threshold: float, calibrator: Calibrator
) -> Facts | None:
    """Record in a run what predicting with it needs; return the facts of its data, if they are at hand."""
    run.log_text(OmegaConf.to_yaml(cfg.evaluate), JUDGED_BY)
    if subject.data is None:
        return None
    facts = Facts.of(subject.data, cfg, threshold, calibrator)
    run.log_text(facts.written(), FILE)
    return facts


def draw_curves(
    run: TrackedRun, history: Mapping[str, Mapping[int, float]], best_epoch: int, figures: bool = True
) -> bytes | None:
    """Record the best epoch of a run (from 1) and, as a figure, its learning curves, a point an epoch.

    Returns:
        The figure as PNG; None where none is drawn.
    """
    run.log_new({"best_epoch": best_epoch})
    if not figures:
        return None
    steps = sorted(set().union(*history.values()))  # each epoch logs something, at its last step
    epochs = {step: number for number, step in enumerate(steps, start=1)}
    curves = {}
    for name, points in history.items():
        curves[name] = ([epochs[step] for step in sorted(points)], [points[step] for step in sorted(points)])
    drawn = png(learning_curves(curves, best_epoch=best_epoch))
    run.log_bytes(drawn, CURVES)
    return drawn
