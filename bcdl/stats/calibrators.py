"""Calibrators: from a model's logits to probabilities that validation samples bear out."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from bcdl.errors import UserError, nearest
from bcdl.metrics.probabilities import to_probabilities

Method = Literal["none", "temperature", "platt", "isotonic"]
METHODS: tuple[Method, ...] = ("none", "temperature", "platt", "isotonic")
Values = NDArray[np.float64]
Labels = NDArray[np.int64]
_TEMPERATURES = (-5.0, 5.0)  # logarithms of those that are tried


@dataclass(frozen=True)
class Calibrator:
    """Maps logits to probabilities.

    Attributes:
        method: `none`, `temperature`, `platt` or `isotonic`.
        parameters: of `temperature` T of sigmoid(logit / T); of `platt` slope and intercept of the logit; of
            `isotonic` the logits and then the probabilities of its steps.
    """

    method: Method = "none"
    parameters: tuple[float, ...] = ()

    def __call__(self, logits: Values) -> Values:
        """Return probabilities `(N,)` of logits `(N,)`, or `(N, K)` of `(N, K)`."""
        match self.method:
            case "none":
                return to_probabilities(logits)
            case "temperature":
                return to_probabilities(logits / self.parameters[0])
            case "platt":
                slope, intercept = self.parameters
                return to_probabilities(slope * logits + intercept)
            case "isotonic":
                steps, shares = np.split(np.asarray(self.parameters), 2)
                return np.asarray(np.interp(logits, steps, shares))

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Calibrator":
        """Return what `to_json` wrote."""
        facts = json.loads(text)
        return cls(facts["method"], tuple(facts["parameters"]))


def check_calibration(method: str) -> None:
    """Raise `UserError` unless this is the name of a method."""
    if method not in METHODS:
        raise UserError(
            f"expected evaluate.calibration to be one of {', '.join(METHODS)}, found '{method}'."
            f"{nearest(method, METHODS)}"
        )


def fit_calibrator(method: str, labels: Labels, logits: Values) -> Calibrator:
    """Fit a calibrator; where one class alone occurs there is nothing to fit, and `none` is returned.

    Args:
        method: one of `METHODS`; of K classes `none` or `temperature`.
        labels: `(N,)`, of validation samples.
        logits: `(N,)` of the positive class, or `(N, K)`.

    Raises:
        UserError: the method is none of these, or does not calibrate K classes.

    Source:
        Guo et al. 2017, On calibration of modern neural networks (temperature); Platt 1999, without his prior
        on the targets; Zadrozny and Elkan 2002 (isotonic).
    """
    check_calibration(method)
    if logits.ndim == 2 and method in ("platt", "isotonic"):
        raise UserError(
            f"evaluate.calibration={method} calibrates two classes, and there are {logits.shape[1]}; set "
            "evaluate.calibration=temperature"
        )
    if method == "none" or len(np.unique(labels)) < 2:
        return Calibrator()
    if method == "temperature":
        return Calibrator("temperature", (_temperature(labels, logits),))
    if method == "platt":
        model = LogisticRegression(C=np.inf, tol=1e-8).fit(logits[:, None], labels)
        return Calibrator("platt", (float(model.coef_[0, 0]), float(model.intercept_[0])))
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(logits, labels)
    return Calibrator("isotonic", (*map(float, model.X_thresholds_), *map(float, model.y_thresholds_)))


def _temperature(labels: Labels, logits: Values) -> float:
    """Return the temperature with the lowest cross-entropy."""
    rows = np.arange(len(labels))

    def loss(logarithm: float) -> float:
        scaled = logits / np.exp(logarithm)
        if scaled.ndim == 1:
            return float(np.mean(np.logaddexp(0, np.where(labels == 1, -scaled, scaled))))
        return float(np.mean(np.logaddexp.reduce(scaled, axis=1) - scaled[rows, labels]))

    return float(np.exp(minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded").x))
