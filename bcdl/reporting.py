"""A run's report: what its test samples say, with intervals, as metrics, tables, figures and a page."""

import math

import pandas as pd
from omegaconf import DictConfig

from bcdl.data import ExamDataModule
from bcdl.data.attributes import sample_attributes
from bcdl.evaluation.assessment import Assessment, assess, written
from bcdl.judge import settings_of
from bcdl.scores import METRICS
from bcdl.tracking import TrackedRun

REPORT = "report"


def record_report(run: TrackedRun, cfg: DictConfig, data: ExamDataModule, predictions: pd.DataFrame) -> None:
    """Judge a run's test samples, and record the report as artifacts and the ends of intervals as metrics.

    Args:
        run: the open run.
        cfg: its configuration; `evaluate` says how.
        data: its prepared data.
        predictions: table of validation and test samples, calibrated.
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
    )
    for name, text in files.texts.items():
        run.log_text(text, f"{REPORT}/{name}")
    for name, table in files.tables.items():
        run.log_table(table, f"{REPORT}/{name}")
    for name, content in files.pictures.items():
        run.log_bytes(content, name)
    run.log_new(_ends(assessment))


def _ends(assessment: Assessment) -> dict[str, float]:
    """Return the ends of the metrics' intervals, named `test/auroc_ci_low`."""
    found: dict[str, float] = {}
    for name, interval in assessment.intervals.items():
        if name.rpartition("/")[2] in METRICS and not math.isnan(interval.low):
            found |= {f"test/{name}_ci_low": interval.low, f"test/{name}_ci_high": interval.high}
    return found


def _facts(data: ExamDataModule) -> dict[str, str]:
    """Return what was trained and judged on, in words."""
    known = data.samples[data.samples["label"].notna()]
    facts = {"data": data.source.name, "a sample": data.unit, "positive": data.classes[-1]}
    for split, rows in known.groupby("split", sort=False):
        positives = int((rows["label"] == 1).sum())
        counts = f"{len(rows):,} samples of {rows['patient_id'].nunique():,} patients"
        facts[str(split)] = counts if len(data.classes) > 2 else f"{counts}, {positives:,} positive"
    return facts
