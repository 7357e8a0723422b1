"""Rules by which several predictions of one breast, exam or patient become one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.errors import UserError, nearest

RULES = ("mean", "max", "noisy_or", "learnt")
_OF_TWO_CLASSES = ("noisy_or", "learnt")
_EDGE = 1e-7  # probabilities are kept so far from 0 and 1
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """One rule.

    `noisy_or` is the probability that one sample or more is positive, were they independent. `learnt` is a
    logistic regression on the logits of the mean and of the maximum.

    Attributes:
        name: one of `RULES`.
        weights: of `learnt`: of the mean's logit, of the maximum's logit, and the intercept.
    """

    name: str = "mean"
    weights: tuple[float, ...] = ()

    def join(self, shares: pd.DataFrame, groups: NDArray[np.int64]) -> pd.DataFrame:
        """Return the joint probabilities of each group, in the order of the groups' numbers.

        Args:
            shares: `(N, 1)` probabilities of the positive class, or `(N, K)` of K classes.
            groups: `(N,)`, numbers from 0 on.

        Raises:
            UserError: the rule joins two classes alone, and there are more.
        """
        if self.name in _OF_TWO_CLASSES and shares.shape[1] > 1:
            raise UserError(
                f"evaluate.aggregate={self.name} joins probabilities of two classes, and there are "
                f"{shares.shape[1]}; set evaluate.aggregate=mean or max"
            )
        grouped = shares.groupby(groups)
        match self.name:
            case "mean" | "max":
                joined: pd.DataFrame = grouped.agg(self.name)
                return joined.div(joined.sum(axis=1), axis=0) if shares.shape[1] > 1 else joined
            case "noisy_or":
                left = pd.DataFrame(np.log1p(-shares.clip(upper=1 - _EDGE)))
                return -pd.DataFrame(np.expm1(left.groupby(groups).sum()))
            case _:
                features = _features(shares, groups) @ np.array(self.weights[:2]) + self.weights[2]
                return pd.DataFrame({shares.columns[0]: 1 / (1 + np.exp(-features))})


def check_rule(name: str) -> None:
    """Raise `UserError` unless this is the name of a rule."""
    if name not in RULES:
        raise UserError(
            f"expected evaluate.aggregate to be one of {', '.join(RULES)}, found '{name}'."
            f"{nearest(name, RULES)}"
        )


def learnt_rule(shares: pd.DataFrame, groups: NDArray[np.int64], labels: NDArray[np.int64]) -> Rule:
    """Fit the weights of `learnt`; where the groups hold one class alone it is the mean.

    Args:
        shares: `(N, 1)` probabilities of validation samples.
        groups: `(N,)`, numbers from 0 on.
        labels: of the groups.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels)) < 2:
        return Rule()
    model = LogisticRegression().fit(_features(shares, groups), labels)
    return Rule("learnt", (*map(float, model.coef_[0]), float(model.intercept_[0])))


def _features(shares: pd.DataFrame, groups: NDArray[np.int64]) -> Values:
    """Return the logits of mean and maximum, `(G, 2)`."""
    joined = shares.iloc[:, 0].groupby(groups).agg(["mean", "max"]).to_numpy(dtype=np.float64)
    inner = np.clip(joined, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inner / (1 - inner)))
