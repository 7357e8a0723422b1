"""What a number is worth: intervals, paired tests, thresholds, calibration, screening statistics.

Arrays in, numbers out; nothing here reads a table, a file or a configuration. Names are imported on first
use.
"""

from typing import TYPE_CHECKING

from bcdl.lazy import importer

if TYPE_CHECKING:
    from bcdl.statistics.calibration import BrierParts, CalibrationError, brier_parts, reliability
    from bcdl.statistics.calibrators import Calibrator, check_calibration, fit_calibrator
    from bcdl.statistics.delong import auroc_interval, auroc_test
    from bcdl.statistics.interval import Interval
    from bcdl.statistics.proportions import wilson
    from bcdl.statistics.resampling import Drawn, bootstrap, together
    from bcdl.statistics.screening import NetBenefit, Operating, ProbabilisticF1
    from bcdl.statistics.significance import Test, holm, mcnemar
    from bcdl.statistics.thresholds import Goal

_PLACES = {
    "resampling": ("Drawn", "bootstrap", "together"),
    "calibration": ("BrierParts", "CalibrationError", "brier_parts", "reliability"),
    "calibrators": ("Calibrator", "check_calibration", "fit_calibrator"),
    "delong": ("auroc_interval", "auroc_test"),
    "interval": ("Interval",),
    "proportions": ("wilson",),
    "screening": ("NetBenefit", "Operating", "ProbabilisticF1"),
    "significance": ("Test", "holm", "mcnemar"),
    "thresholds": ("Goal",),
}

__all__ = [
    "BrierParts",
    "CalibrationError",
    "Calibrator",
    "Drawn",
    "Goal",
    "Interval",
    "NetBenefit",
    "Operating",
    "ProbabilisticF1",
    "Test",
    "auroc_interval",
    "auroc_test",
    "bootstrap",
    "brier_parts",
    "check_calibration",
    "fit_calibrator",
    "holm",
    "mcnemar",
    "reliability",
    "together",
    "wilson",
]

__getattr__ = importer(__name__, {name: place for place, names in _PLACES.items() for name in names})
