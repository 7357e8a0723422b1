"""Predictions judged: intervals, operating points, calibration, subgroups, paired tests, one page of all."""

from typing import TYPE_CHECKING

from bcdl.lazy import importer

if TYPE_CHECKING:
    from bcdl.evaluation.assessment.engine import (
        Assessment,
        LevelAssessment,
        assess,
        fitted_calibrator,
        with_probabilities,
    )
    from bcdl.evaluation.assessment.files import Written, metrics_json, written
    from bcdl.evaluation.assessment.paired import Comparison, paired_tests, require_same_samples
    from bcdl.evaluation.assessment.section import Section
    from bcdl.evaluation.assessment.settings import Settings
    from bcdl.evaluation.assessment.subgroups import Subgroups

_HOMES = {
    "Assessment": "engine",
    "Comparison": "paired",
    "LevelAssessment": "engine",
    "Section": "section",
    "Settings": "settings",
    "Subgroups": "subgroups",
    "Written": "files",
    "assess": "engine",
    "fitted_calibrator": "engine",
    "metrics_json": "files",
    "paired_tests": "paired",
    "require_same_samples": "paired",
    "with_probabilities": "engine",
    "written": "files",
}

__all__ = [
    "Assessment",
    "Comparison",
    "LevelAssessment",
    "Section",
    "Settings",
    "Subgroups",
    "Written",
    "assess",
    "fitted_calibrator",
    "metrics_json",
    "paired_tests",
    "require_same_samples",
    "with_probabilities",
    "written",
]

__getattr__ = importer(__name__, _HOMES)
