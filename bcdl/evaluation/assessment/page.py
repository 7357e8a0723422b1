"""An assessment as one HTML page: no script, nothing from elsewhere, every cell escaped."""

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bcdl.evaluation.assessment.engine import DECISION, Assessment, LevelAssessment
from bcdl.evaluation.assessment.section import Section, shown
from bcdl.evaluation.assessment.settings import Settings
from bcdl.evaluation.assessment.statistic import AT_PREVALENCE, slug
from bcdl.evaluation.assessment.subgroups import SHOWN, Subgroups
from bcdl.pages import data_address, rendered
from bcdl.scores import METRICS
from bcdl.stats import Interval

_TEMPLATE = Path(__file__).parent / "page.html.j2"
_WIDE = 1.8  # width by height, from which a figure takes the whole width
_KINDS = {".png": "image/png", ".jpg": "image/jpeg"}
_FURTHER = ("pf1", "partial_auroc", "ece")
_WILSON = ("accuracy_wilson", "precision_wilson", "sensitivity_wilson", "specificity_wilson")
_QUANTITIES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "recall_rate": "recall rate",
    "cancers_per_1000": "cancers / 1,000",
}
_NAMES = {
    "auroc": "AUROC",
    "auroc_delong": "AUROC, DeLong's interval",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "mcc": "Matthews correlation",
    "brier": "Brier score",
    "loss": "cross-entropy",
    "pf1": "probabilistic F1",
    "partial_auroc": "partial AUROC (to 20 % false positives)",
    "ece": "expected calibration error",
    **{name: f"{name.removesuffix('_wilson')}, Wilson's interval" for name in _WILSON},
}
_CAPTIONS = {
    "roc_curve": "ROC curve",
    "pr_curve": "Precision-recall curve",
    "confusion_matrix": "Confusion matrix",
    "reliability": "Reliability diagram",
    "net_benefit": "Decision curve",
    "subgroups": "Subgroups",
    "learning_curves": "Learning curves",
}


def assessment_page(
    assessment: Assessment,
    settings: Settings,
    tables: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, bytes],
    title: str,
    facts: Mapping[str, str],
    parts: Subgroups | None,
    sections: Sequence[Section] = (),
) -> str:
    """Return the page.

    Args:
        assessment: the results.
        settings: how they were made.
        tables: as files, by name.
        pictures: files by name, `figures/<name>.png` or `.jpg`.
        title: of the page.
        facts: what else a reader is told, by name.
        parts: subgroups, where there are any.
        sections: further ones; their tables and pictures are among those above.
    """
    first = assessment.levels[0]
    return rendered(
        _TEMPLATE,
        title=title,
        facts=facts,
        notes=[*assessment.notes, *(parts.notes if parts else ())],
        headline=with_interval(first.intervals["auroc"]),
        counts=_counts(assessment.levels),
        metrics=_metrics(assessment.levels),
        points=[_points(level) for level in assessment.levels if level.delong is not None],
        restated=[_points(level, AT_PREVALENCE) for level in assessment.levels]
        if settings.prevalence
        else [],
        settings=settings,
        calibrator=assessment.calibrator,
        brier=tables["brier_parts.csv"].iloc[0].to_dict() if "brier_parts.csv" in tables else None,
        subgroups=_subgroups(parts),
        gaps=_gaps(parts),
        pictures=_pictures(pictures, sections),
        sections=[_section(section) for section in sections],
        files=[*tables],
    )


def with_interval(interval: Interval, digits: int = 3) -> str:
    """Return a value with its interval as text, `-` where undefined."""
    if math.isnan(interval.value):
        return "-"
    value = f"{interval.value:.{digits}f}"
    if math.isnan(interval.low):
        return f"{value} (no interval)"
    return f"{value} ({interval.low:.{digits}f} to {interval.high:.{digits}f})"


def _counts(levels: Sequence[LevelAssessment]) -> dict[str, Any]:
    rows = []
    for level in levels:
        known = level.table["label"]
        patients = len(set(level.patients.tolist()))
        row = [level.level, f"{len(known):,}", f"{patients:,}"]
        if level.delong is not None:
            row += [f"{int((known == 1).sum()):,}", f"{level.thresholds[DECISION]:.3f}"]
        rows.append(row)
    return {"header": ["level", "judged", "patients", "positive", "threshold"][: len(rows[0])], "rows": rows}


def _metrics(levels: Sequence[LevelAssessment]) -> dict[str, Any]:
    intervals = [level.intervals for level in levels]
    names = [
        name for name in ("auroc", "auroc_delong", *METRICS[1:], *_FURTHER, *_WILSON) if name in intervals[0]
    ]
    rows = [
        [_NAMES.get(name, name), *(with_interval(of_level[name]) for of_level in intervals)] for name in names
    ]
    return {"header": ["metric", *(level.level for level in levels)], "rows": rows}


def _points(level: LevelAssessment, restated: str = "") -> dict[str, Any]:
    """Return a level's operating points, a row a point; restated for another prevalence where asked."""
    intervals = level.intervals
    names = [name for name in _QUANTITIES if not restated or name not in ("sensitivity", "specificity")]
    rows = []
    for point, threshold in level.thresholds.items():
        prefix = f"{slug(point)}/{restated}/" if restated else f"{slug(point)}/"
        cells = [with_interval(intervals[f"{prefix}{name}"], 1 if "1000" in name else 3) for name in names]
        rows.append([point, f"{threshold:.3f}", *cells])
    return {
        "level": level.level,
        "header": ["point", "threshold", *(_QUANTITIES[name] for name in names)],
        "rows": rows,
    }


def _subgroups(parts: Subgroups | None) -> dict[str, Any] | None:
    if parts is None or parts.table.empty:
        return None
    rows = []
    for row in parts.table.to_dict("records"):
        cells = [
            with_interval(Interval(row[name], row[f"{name}_ci_low"], row[f"{name}_ci_high"], ""))
            for name in SHOWN
        ]
        mark = "small" if row["small"] else ""
        rows.append(
            [row["column"], row["group"], row["samples"], row["patients"], row["positives"], mark, *cells]
        )
    header = [
        "column",
        "group",
        "samples",
        "patients",
        "positive",
        "",
        *(_NAMES.get(name, name) for name in SHOWN),
    ]
    return {"header": header, "rows": rows}


def _gaps(parts: Subgroups | None) -> dict[str, Any] | None:
    if parts is None or parts.gaps.empty:
        return None
    rows = [
        [
            row["column"],
            row["highest"],
            row["lowest"],
            with_interval(Interval(row["gap"], row["ci_low"], row["ci_high"], "")),
            p_text(row["p_value"]),
            p_text(row["p_holm"]),
        ]
        for row in parts.gaps.to_dict("records")
    ]
    return {"header": ["column", "highest", "lowest", "gap in AUROC", "p", "p, Holm"], "rows": rows}


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "text": section.text,
        "facts": section.facts,
        "early": section.early,
        "tables": [shown(table) for table in section.tables.values()],
        "figures": [Path(file).stem for file in section.pictures],
    }


def p_text(value: float) -> str:
    """Return a p-value as text."""
    if math.isnan(value):
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _pictures(pictures: Mapping[str, bytes], sections: Sequence[Section]) -> dict[str, dict[str, Any]]:
    """Return each figure by its name, as a data address with its caption, size and shape."""
    told = {Path(file).stem: text for section in sections for file, text in section.captions.items()}
    found = {}
    for file, content in pictures.items():
        name, size = Path(file).stem, _size(content)
        found[name] = {
            "source": data_address(content, _KINDS[Path(file).suffix]),
            "caption": told.get(name, _CAPTIONS.get(name, name)),
            "told": name in told,
            "size": size,
            "wide": name not in told and size is not None and size[0] > _WIDE * size[1],
        }
    return found


def _size(content: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG as its header tells them, None of another file."""
    if content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height
