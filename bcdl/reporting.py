"""A run's report on its test samples, with intervals: metrics, tables, figures, a page, a card."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
from omegaconf import DictConfig

from bcdl.evaluation.assessment import Assessment, Section, assess, written
from bcdl.evaluation.assessment.engine import judged_rows
from bcdl.evaluation.assessment.files import PAGE
from bcdl.judge import settings_of
from bcdl.pages import to_pdf
from bcdl.scores import METRICS
from bcdl.serving.facts import Facts
from bcdl.subject import Subject
from bcdl.tracking import TrackedRun
from bcdl.trained import Training
from bcdl.worst import errors_section

REPORT, PDF, CARD = "report", "report.pdf", "model_card.md"


def record_report(
    run: TrackedRun,
    cfg: DictConfig,
    subject: Subject,
    predictions: pd.DataFrame,
    training: Training,
    results: Mapping[str, float],
) -> None:
    """Judge a run's test samples, and record the report as artifacts and the ends of intervals as metrics.

    Args:
        run: the open run.
        cfg: its configuration; `evaluate` says how.
        subject: what the predictions are about.
        predictions: table of validation and test samples, calibrated.
        training: of the model that made them.
        results: metrics of the run and its `threshold`, for the model card.
    """
    settings, attributes = settings_of(cfg), subject.attributes()
    table = predictions.merge(attributes, on="sample_id", how="left", validate="many_to_one")
    assessment = assess(table, subject.unit, settings)
    assessment = replace(assessment, notes=(*subject.notes, *assessment.notes))
    own = training.run_id == run.id and subject.data is not None
    facts = Facts.of(subject.data, cfg, results["threshold"]) if own and subject.data is not None else None
    files = written(
        assessment,
        settings,
        title=f"Report of {run.name}",
        classes=subject.classes,
        columns=[name for name in map(str, attributes) if name != "sample_id"],
        figures=cfg.evaluate.figures,
        facts={"data": subject.name, "a sample": subject.unit, "positive": subject.classes[-1]},
        sections=_sections(cfg, subject, predictions, training, facts, results["threshold"]),
    )
    ends = _ends(assessment)
    texts = dict(files.texts)
    if facts is not None:
        texts[CARD] = training.card(cfg, facts, {**results, **ends})
    for name, text in texts.items():
        run.log_text(text, f"{REPORT}/{name}")
    for name, table in files.tables.items():
        run.log_table(table, f"{REPORT}/{name}")
    for name, content in files.pictures.items():
        run.log_bytes(content, name)
    if cfg.evaluate.get("pdf", False):
        run.log_bytes(to_pdf(files.texts[PAGE]), f"{REPORT}/{PDF}")
    run.log_new(ends)


def _sections(
    cfg: DictConfig,
    subject: Subject,
    predictions: pd.DataFrame,
    training: Training,
    facts: Facts | None,
    threshold: float,
) -> list[Section]:
    """Return the sections beyond the table of predictions."""
    figures = cfg.evaluate.figures
    errors = errors_section(
        judged_rows(predictions),
        threshold,
        subject.classes,
        cfg.evaluate.get("errors", 0),
        data=subject.data if figures else None,
        model=subject.model,
    )
    return [*training.sections(cfg, facts, figures), *([errors] if errors else [])]


def _ends(assessment: Assessment) -> dict[str, float]:
    """Return the ends of the metrics' intervals, named `test/auroc_ci_low`."""
    found: dict[str, float] = {}
    for name, interval in assessment.intervals.items():
        if name.rpartition("/")[2] in METRICS and not math.isnan(interval.low):
            found |= {f"test/{name}_ci_low": interval.low, f"test/{name}_ci_high": interval.high}
    return found
