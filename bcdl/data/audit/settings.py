"""The thresholds of the audit."""

from dataclasses import dataclass, fields

from bcdl.errors import UserError


@dataclass(frozen=True)
class AuditSettings:
    """From when on the audit reports what it measures; plain values for a Hydra config.

    Args:
        near_duplicate: Correlation of two pictures' details from which one is a copy of the other. Among
            20,000 different phantom images of 5,000 patients the most alike pair reaches 0.83 (a patient's
            left and right breast, mirrored), that of two patients 0.79. Copies of 500 of them that were
            re-encoded, brightened, cropped by up to 5 % or given noise lie above 0.92, and those with a
            gamma of 0.6 above 0.87.
        leak_warning: AUROC of a single column from which it is reported.
        leak_severe: AUROC of a single column from which the finding is severe.
        association_warning: Cramer's V from which a machine or site tells the class or the split.
        association_severe: Cramer's V from which a machine or site that tells the class is severe.
        significance: p-value below which a difference counts.
        prevalence_ratio: Highest over lowest prevalence of the splits from which they are reported.
        strict: Whether something severe is an error.

    Raises:
        UserError: A value is out of its range, or a warning would start above its severe threshold.
    """

    near_duplicate: float = 0.86
    leak_warning: float = 0.75
    leak_severe: float = 0.9
    association_warning: float = 0.1
    association_severe: float = 0.5
    significance: float = 0.001
    prevalence_ratio: float = 1.5
    strict: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name == "strict":
                continue
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UserError(f"audit: expected a number for {field.name}, found {value!r}")
        self._check("near_duplicate", 0.5, 1.0)
        self._check("leak_warning", 0.5, 1.0)
        self._check("leak_severe", self.leak_warning, 1.0)
        self._check("association_warning", 0.0, 1.0)
        self._check("association_severe", self.association_warning, 1.0)
        self._check("significance", 0.0, 1.0)
        self._check("prevalence_ratio", 1.0, float("inf"))

    def _check(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:
            raise UserError(f"audit: expected {name} from {low:g} to {high:g}, found {value:g}; change it")
