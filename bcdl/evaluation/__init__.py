"""From predictions to tables, metrics and figures: nothing here infers or trains.

Names are imported on first use: the figures and the page of a sweep need no torch.
"""

from typing import TYPE_CHECKING

from bcdl.lazy import importer

if TYPE_CHECKING:
    from bcdl.evaluation.levels import aggregate, coarser_levels, fitted_rule, joining_levels
    from bcdl.evaluation.predictions import predictions_table, read_predictions, write_predictions
    from bcdl.evaluation.rules import Rule, check_rule
    from bcdl.evaluation.summary import summarise
    from bcdl.evaluation.thresholds import Threshold, check_threshold, fitted_youden, resolve_threshold

__all__ = [
    "Rule",
    "Threshold",
    "aggregate",
    "check_rule",
    "check_threshold",
    "coarser_levels",
    "fitted_rule",
    "fitted_youden",
    "joining_levels",
    "predictions_table",
    "read_predictions",
    "resolve_threshold",
    "summarise",
    "write_predictions",
]

__getattr__ = importer(
    __name__,
    {
        "Rule": "rules",
        "Threshold": "thresholds",
        "aggregate": "levels",
        "check_rule": "rules",
        "check_threshold": "thresholds",
        "coarser_levels": "levels",
        "fitted_rule": "levels",
        "fitted_youden": "thresholds",
        "joining_levels": "levels",
        "predictions_table": "predictions",
        "read_predictions": "predictions",
        "resolve_threshold": "thresholds",
        "summarise": "summary",
        "write_predictions": "predictions",
    },
)
