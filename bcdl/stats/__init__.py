"""What a number is worth: intervals, paired tests, thresholds, calibration, screening, selective prediction.

Arrays in, numbers out; nothing here reads a table, a file or a configuration. Names are imported on first
use.
"""

from typing import TYPE_CHECKING

from bcdl.lazy import importer

if TYPE_CHECKING:
    from bcdl.stats.calibration import BrierParts, CalibrationError, brier_parts, reliability
    from bcdl.stats.calibrators import Calibrator, check_calibration, fit_calibrator
    from bcdl.stats.delong import auroc_interval, auroc_test
    from bcdl.stats.froc import Froc, Marks, froc_curve, froc_intervals, sensitivity_at
    from bcdl.stats.interval import Interval
    from bcdl.stats.proportions import wilson
    from bcdl.stats.resampling import Drawn, bootstrap, together
    from bcdl.stats.screening import NetBenefit, Operating, ProbabilisticF1
    from bcdl.stats.selective import RiskCoverage, unsureness
    from bcdl.stats.significance import Test, holm, mcnemar
    from bcdl.stats.thresholds import Goal

_PLACES = {
    "resampling": ("Drawn", "bootstrap", "together"),
    "calibration": ("BrierParts", "CalibrationError", "brier_parts", "reliability"),
    "calibrators": ("Calibrator", "check_calibration", "fit_calibrator"),
    "delong": ("auroc_interval", "auroc_test"),
    "froc": ("Froc", "Marks", "froc_curve", "froc_intervals", "sensitivity_at"),
    "interval": ("Interval",),
    "proportions": ("wilson",),
    "screening": ("NetBenefit", "Operating", "ProbabilisticF1"),
    "selective": ("RiskCoverage", "unsureness"),
    "significance": ("Test", "holm", "mcnemar"),
    "thresholds": ("Goal",),
}

__all__ = [
    "BrierParts",
    "CalibrationError",
    "Calibrator",
    "Drawn",
    "Froc",
    "Goal",
    "Interval",
    "Marks",
    "NetBenefit",
    "Operating",
    "ProbabilisticF1",
    "RiskCoverage",
    "Test",
    "auroc_interval",
    "auroc_test",
    "bootstrap",
    "brier_parts",
    "check_calibration",
    "fit_calibrator",
    "froc_curve",
    "froc_intervals",
    "holm",
    "mcnemar",
    "reliability",
    "sensitivity_at",
    "together",
    "unsureness",
    "wilson",
]

__getattr__ = importer(__name__, {name: place for place, names in _PLACES.items() for name in names})
