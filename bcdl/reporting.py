"""A run's report: what its test samples say, with intervals, as metrics, tables, figures and a page."""

from collections.abc import Sequence

import pandas as pd
from omegaconf import DictConfig

from bcdl.data import ExamDataModule
from bcdl.data.attributes import sample_attributes
from bcdl.evaluation.assessment import Section, Written, assess, written
from bcdl.judge import settings_of
from bcdl.results import interval_ends, record_written
from bcdl.tracking import TrackedRun


def record_report(
    run: TrackedRun,
    cfg: DictConfig,
    data: ExamDataModule,
    predictions: pd.DataFrame,
    sections: Sequence[Section] = (),
) -> None:
    """Judge a run's test samples, and record the report as artifacts and the ends of intervals as metrics.

    Args:
        run: the open run.
        cfg: its configuration; `evaluate` says how.
        data: its prepared data.
        predictions: table of validation and test samples, calibrated.
        sections: further ones of the page.
    """
    settings, attributes = settings_of(cfg), sample_attributes(data.table, data.samples)
    table = predictions.merge(attributes, on="sample_id", how="left", validate="many_to_one")
    assessment = assess(table, data.unit, settings)
    files = written(
        assessment,
        settings,
        title=f"Report of {run.name}",
        classes=data.classes,
        columns=[name for name in map(str, attributes) if name != "sample_id"],
        figures=cfg.evaluate.figures,
        facts=_facts(data),
        sections=sections,
    )
    record_written(run, files)
    run.log_new(interval_ends(assessment))


def record_sections(run: TrackedRun, sections: Sequence[Section]) -> None:
    """Record the tables and pictures of sections where there is no report."""
    for section in sections:
        record_written(run, Written({}, section.tables, section.pictures))


def _facts(data: ExamDataModule) -> dict[str, str]:
    """Return what was trained and judged on, in words."""
    known = data.samples[data.samples["label"].notna()]
    facts = {"data": data.source.name, "a sample": data.unit, "positive": data.classes[-1]}
    for split, rows in known.groupby("split", sort=False):
        positives = int((rows["label"] == 1).sum())
        counts = f"{len(rows):,} samples of {rows['patient_id'].nunique():,} patients"
        facts[str(split)] = counts if len(data.classes) > 2 else f"{counts}, {positives:,} positive"
    return facts
