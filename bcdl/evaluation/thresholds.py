"""The probability from which a sample counts as positive, fitted on validation samples only."""

import math
import warnings
from typing import Literal

import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning

from bcdl.errors import UserError, nearest
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels
from bcdl.metrics import youden_threshold

Threshold = Literal["youden"] | float
DEFAULT = 0.5


def check_threshold(value: str | float) -> Threshold:
    """Return the threshold setting that a user gave.

    Raises:
        UserError: unless it is `youden` or a number from 0 to 1.
    """
    if value == "youden":
        return "youden"
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        hint = nearest(str(value), ["youden"])
        raise UserError(
            f"expected evaluate.threshold to be youden or a number from 0 to 1, got {value}.{hint}"
        )
    return float(value)


def resolve_threshold(setting: str | float, validation: pd.DataFrame) -> float:
    """Return the threshold to apply to every split.

    Args:
        setting: `youden`, or a number that is returned as it is.
        validation: predictions of the validation samples.

    Returns:
        Youden's threshold of two classes; 0.5, with a warning, where validation holds one class only, and for
        K classes, whose most probable one is taken without a threshold.

    Raises:
        UserError: if the setting is neither.
    """
    checked = check_threshold(setting)
    if checked != "youden":
        return checked
    fitted = fitted_youden(validation)
    if fitted is not None:
        return fitted
    if probabilities(validation).ndim == 1:
        warnings.warn(
            f"evaluate.threshold=youden needs both classes among the validation samples: {DEFAULT} is used",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    return DEFAULT


def fitted_youden(validation: pd.DataFrame) -> float | None:
    """Return Youden's threshold of validation predictions; None for K classes, and for one class only."""
    shares, known = probabilities(validation), labels(validation) >= 0
    if shares.ndim == 2:
        return None
    fitted = youden_threshold(labels(validation)[known], shares[known])
    return None if math.isnan(fitted) else fitted
