"""A run's report on its test samples, with intervals: metrics, tables, figures, a page, a card."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
from omegaconf import DictConfig

from bcdl.evaluation.assessment import Section, Written, assess, written
from bcdl.evaluation.assessment.engine import judged_rows
from bcdl.judge import settings_of
from bcdl.results import interval_ends, record_written
from bcdl.serving.facts import Facts
from bcdl.subject import Subject
from bcdl.tracking import TrackedRun
from bcdl.trained import Training
from bcdl.worst import errors_section

CARD = "model_card.md"


def record_report(
    run: TrackedRun,
    cfg: DictConfig,
    subject: Subject,
    predictions: pd.DataFrame,
    training: Training,
    results: Mapping[str, float],
    facts: Facts | None,
    sections: Sequence[Section] = (),
) -> None:
    """Judge a run's test samples, and record the report as artifacts and the ends of intervals as metrics.

    Args:
        run: the open run.
        cfg: its configuration; `evaluate` says how.
        subject: what the predictions are about.
        predictions: table of validation and test samples, calibrated.
        training: of the model that made them.
        results: metrics of the run and its `threshold`, for the model card.
        facts: of the data that the run was trained on; None where others are judged, or they are gone.
        sections: further ones of the page.
    """
    settings, attributes = settings_of(cfg), subject.attributes()
    table = predictions.merge(attributes, on="sample_id", how="left", validate="many_to_one")
    assessment = assess(table, subject.unit, settings)
    assessment = replace(assessment, notes=(*subject.notes, *assessment.notes))
    early = training.sections(cfg, facts, cfg.evaluate.figures)
    errors = _errors(cfg, subject, predictions, results["threshold"])
    files = written(
        assessment,
        settings,
        title=f"Report of {run.name}",
        classes=subject.classes,
        columns=[name for name in map(str, attributes) if name != "sample_id"],
        figures=cfg.evaluate.figures,
        facts={"data": subject.name, "a sample": subject.unit, "positive": subject.classes[-1]},
        sections=[*early, *sections, *errors],
    )
    ends = interval_ends(assessment)
    card = {} if facts is None else {CARD: training.card(cfg, facts, {**results, **ends})}
    record_written(run, replace(files, texts={**files.texts, **card}), pdf=cfg.evaluate.pdf)
    run.log_new(ends)


def record_sections(run: TrackedRun, sections: Sequence[Section]) -> None:
    """Record the tables and pictures of sections where there is no report."""
    for section in sections:
        record_written(run, Written({}, section.tables, section.pictures))


def _errors(cfg: DictConfig, subject: Subject, predictions: pd.DataFrame, threshold: float) -> list[Section]:
    """Return the section of the worst errors, where any are to be shown."""
    section = errors_section(
        judged_rows(predictions),
        threshold,
        subject.classes,
        cfg.evaluate.errors,
        data=subject.data if cfg.evaluate.figures else None,
        model=subject.model,
    )
    return [] if section is None else [section]
