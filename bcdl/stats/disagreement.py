"""Several models' answers to the same samples: their mean, and how far they disagree.

Arrays have the members first: logits `(M, N)` of the positive class, or `(M, N, K)`. NaN marks a sample that
a member has not judged; it counts nowhere.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax, logsumexp, softmax, xlogy

Values = NDArray[np.float64]


def averaged(logits: Values) -> Values:
    """Return the logits of the mean probability, `(N,)` or `(N, K)`.

    Probabilities are averaged, not logits: the mean is that of an equal mixture of the members, and one
    member that is very sure does not outvote the others (Lakshminarayanan, Pritzel and Blundell 2017, Simple
    and scalable predictive uncertainty estimation using deep ensembles, NeurIPS). They come back as logits,
    exactly for probabilities near 0 and 1 too, so that a calibrator can be fitted to the mean.
    """
    if logits.ndim == 2:
        return np.asarray(_log_sum(log_expit(logits)) - _log_sum(log_expit(-logits)))
    return np.asarray(_log_sum(log_softmax(logits, axis=2)) - np.log(judging(logits))[:, None])


def judging(logits: Values) -> NDArray[np.int64]:
    """Return how many members have judged each sample, `(N,)`."""
    first = logits if logits.ndim == 2 else logits[:, :, 0]
    return np.asarray((~np.isnan(first)).sum(axis=0), dtype=np.int64)


def spread(logits: Values) -> Values:
    """Return the standard deviation of the members' probabilities `(N,)`; NaN of fewer than two members.

    It is that of the positive class, or of K classes that of the class that is likeliest on average, which
    of two is the same.
    """
    shares = expit(logits) if logits.ndim == 2 else softmax(logits, axis=2)
    if shares.ndim == 3:
        likeliest = _mean(shares).argmax(axis=1)
        shares = shares[:, np.arange(len(likeliest)), likeliest]
    return _of_several(np.sqrt(_mean((shares - _mean(shares)) ** 2)), logits)


def mutual_information(logits: Values) -> Values:
    """Return what a label would tell of which member is right, in nats `(N,)`; NaN of fewer than two.

    It is the entropy of the mean probabilities less the members' mean entropy: 0 where all members say the
    same, however unsure each of them is.

    Source:
        Houlsby et al. 2011, Bayesian active learning for classification and preference learning,
        arXiv:1112.5745 (BALD).
    """
    shares = (
        np.stack([expit(-logits), expit(logits)], axis=2) if logits.ndim == 2 else softmax(logits, axis=2)
    )
    found = _entropy(_mean(shares)) - _mean(_entropy(shares))
    return _of_several(np.maximum(found, 0.0), logits)  # rounding can leave it below


def _log_sum(logs: Values) -> Values:
    return np.asarray(logsumexp(np.where(np.isnan(logs), -np.inf, logs), axis=0))


def _mean(values: Values) -> Values:
    """Return the mean over the members that have judged."""
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0))


def _entropy(shares: Values) -> Values:
    return np.asarray(-xlogy(shares, shares).sum(axis=-1))


def _of_several(values: Values, logits: Values) -> Values:
    return np.where(judging(logits) > 1, values, np.nan)
