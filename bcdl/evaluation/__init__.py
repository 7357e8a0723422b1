"""From predictions to tables, metrics and figures: nothing here infers or trains."""

from bcdl.evaluation.levels import aggregate, check_rule, coarser_levels
from bcdl.evaluation.predictions import predictions_table, read_predictions, write_predictions
from bcdl.evaluation.summary import summarise
from bcdl.evaluation.thresholds import Threshold, check_threshold, fitted_youden, resolve_threshold

__all__ = [
    "Threshold",
    "aggregate",
    "check_rule",
    "check_threshold",
    "coarser_levels",
    "fitted_youden",
    "predictions_table",
    "read_predictions",
    "resolve_threshold",
    "summarise",
    "write_predictions",
]
