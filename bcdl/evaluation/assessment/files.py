"""An assessment as files: `metrics.json`, tables as CSV, figures as PNG, and one page that holds them all."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bcdl.evaluation.assessment.engine import Assessment
from bcdl.evaluation.assessment.figures import assessment_figures
from bcdl.evaluation.assessment.page import assessment_page
from bcdl.evaluation.assessment.section import Section, png
from bcdl.evaluation.assessment.selective import selective_section
from bcdl.evaluation.assessment.settings import Settings
from bcdl.evaluation.assessment.subgroups import Subgroups, subgroups
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels
from bcdl.stats import Interval, brier_parts, reliability

METRICS, CALIBRATOR, PAGE = "metrics.json", "calibrator.json", "report.html"
TABLES = (  # that a report of a file may have
    *("metrics.csv", "operating_points.csv", "reliability.csv", "brier_parts.csv", "subgroups.csv"),
    *("subgroup_gaps.csv", "worst_errors.csv", "risk_coverage.csv", "aurc.csv"),
)


@dataclass(frozen=True)
class Written:
    """What an assessment writes.

    Attributes:
        texts: of text files by their names.
        tables: of CSV files by their names.
        pictures: of PNG and JPEG files by their names.
    """

    texts: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, bytes]


def written(
    assessment: Assessment,
    settings: Settings,
    *,
    title: str,
    classes: Sequence[str],
    columns: Sequence[str] = (),
    figures: bool = True,
    facts: Mapping[str, str] | None = None,
    sections: Sequence[Section] = (),
) -> Written:
    """Return an assessment as files.

    Args:
        assessment: the results.
        settings: how they were made.
        title: of the page.
        classes: class names by label.
        columns: of the judged table, that make subgroups.
        figures: whether any are drawn.
        facts: what else a reader is told, by name.
        sections: further ones of the page, with tables and pictures of their own; selective prediction
            follows them.
    """
    first = assessment.levels[0]
    parts = subgroups(first, columns, settings) if first.delong is not None and columns else None
    drawn = assessment_figures(first, classes, parts) if figures else {}
    pictures = {f"figures/{name}.png": png(figure) for name, figure in drawn.items()}
    tables = _tables(assessment, parts)
    sections = [*sections, selective_section(first, settings, figures)]
    for section in sections:
        tables |= section.tables
        pictures |= section.pictures
    page = assessment_page(assessment, settings, tables, pictures, title, facts or {}, parts, sections)
    texts = {
        METRICS: metrics_json(assessment.intervals),
        CALIBRATOR: assessment.calibrator.to_json(),
        PAGE: page,
    }
    return Written(texts, tables, pictures)


def metrics_json(intervals: Mapping[str, Interval]) -> str:
    """Return intervals as JSON, each `value, ci_low, ci_high, method`; null for what is undefined."""
    facts = {
        name: {key: _finite(value) for key, value in each.facts().items()} for name, each in intervals.items()
    }
    return json.dumps(facts, indent=2) + "\n"


def _tables(assessment: Assessment, parts: Subgroups | None) -> dict[str, pd.DataFrame]:
    first = assessment.levels[0]
    named = [{"metric": name, **interval.facts()} for name, interval in assessment.intervals.items()]
    tables = {"metrics.csv": pd.DataFrame(named)}
    if first.delong is None or first.table["label"].nunique() < 2:
        return tables
    truth, shares = labels(first.table), probabilities(first.table)
    split = brier_parts(truth, shares)
    tables["operating_points.csv"] = pd.concat(
        [level.points.assign(level=level.level) for level in assessment.levels], ignore_index=True
    )
    tables["reliability.csv"] = reliability(truth, shares)
    tables["brier_parts.csv"] = pd.DataFrame([vars(split)])
    if parts is not None and len(parts.table):
        tables["subgroups.csv"] = parts.table
    if parts is not None and len(parts.gaps):
        tables["subgroup_gaps.csv"] = parts.gaps
    return tables


def _finite(value: float | str) -> float | str | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
