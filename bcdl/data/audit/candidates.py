"""Pairs of images that may be copies, found without comparing every image with every other.

Bit-sampling locality-sensitive hashing (Indyk and Motwani, STOC 1998): each of 64 tables sorts the images by
12 or more bits of their signatures, and images in one bucket are compared. Every image stands in the tables
twice, as it is and mirrored. In a bucket an image is compared with its next 32 neighbours only, so that the
work grows with the number of images even if all of them fall into one bucket.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.audit.signatures import BITS, Signatures

_TABLES, _NEIGHBOURS = 64, 32
_FEWEST_KEY_BITS = 12
_MOST_DIFFERENT = 44  # bits of 128: copies cropped by 5 % differ in up to 42, unrelated images in 64
_LEAST_CORRELATION = 0.7  # of signatures: copies cropped by 5 % reach it
_CLOSEST = 2  # pairs kept of an image

Codes = NDArray[np.int64]


def candidate_pairs(signatures: Signatures) -> pd.DataFrame:
    """Find the pairs that look alike.

    Returns:
        At most two pairs for each image, best first: `first` < `second` (positions), `mirrored`, and
        `correlation` of the signatures.
    """
    entries = np.concatenate([signatures.bits, signatures.mirrored_bits])
    words = np.packbits(entries, axis=1).view(np.uint64)
    key_bits = max(_FEWEST_KEY_BITS, round(np.log2(len(entries))) - 4)
    rng = np.random.default_rng(0)
    found = _pairs(np.zeros(0, np.int64), signatures)
    for _ in range(_TABLES):
        chosen = rng.permutation(BITS)[:key_bits]
        keys = entries[:, chosen] @ (1 << np.arange(key_bits))
        new = _closest(_pairs(_similar(keys, words), signatures))
        found = pd.concat([found, new]).drop_duplicates(["first", "second", "mirrored"])
    return _closest(found).reset_index(drop=True)


def _similar(keys: NDArray[np.int64], words: NDArray[np.uint64]) -> Codes:
    """Return the coded pairs of entries that share a key and nearly all bits."""
    order = np.lexsort((words[:, 0], keys))
    keys, words = keys[order], words[order]
    codes = []
    for step in range(1, min(_NEIGHBOURS, len(keys) - 1) + 1):
        near = np.flatnonzero(keys[step:] == keys[:-step])
        if not len(near):
            break
        different = np.bitwise_count(words[near] ^ words[near + step]).sum(axis=1)
        near = near[different <= _MOST_DIFFERENT]
        codes.append(_code(order[near], order[near + step], len(keys) // 2))
    return np.unique(np.concatenate(codes)) if codes else np.zeros(0, np.int64)


def _code(one: NDArray[np.intp], other: NDArray[np.intp], count: int) -> Codes:
    """Code pairs of entries as one number; an image is no pair with its own mirror image."""
    first, second = np.minimum(one % count, other % count), np.maximum(one % count, other % count)
    mirrored = (one >= count) != (other >= count)
    codes: Codes = (first * count + second) * 2 + mirrored
    return codes[first < second]


def _pairs(codes: Codes, signatures: Signatures) -> pd.DataFrame:
    """Decode pairs and keep those whose signatures correlate."""
    ends, mirrored = codes // 2, codes % 2 == 1
    first, second = np.divmod(ends, max(len(signatures.coefficients), 1))
    parts = [np.zeros(0, np.float32)]
    for start in range(0, len(codes), 65536):
        part = slice(start, start + 65536)
        parts.append(signatures.correlations(first[part], second[part], mirrored[part]))
    pairs = pd.DataFrame(
        {"first": first, "second": second, "mirrored": mirrored, "correlation": np.concatenate(parts)}
    )
    return pairs[pairs["correlation"] >= _LEAST_CORRELATION]


def _closest(pairs: pd.DataFrame) -> pd.DataFrame:
    """Keep the pairs that are among the best of one of their images."""
    pairs = pairs.sort_values("correlation", ascending=False, kind="stable", ignore_index=True)
    ends = pd.concat([pairs["first"], pairs["second"]]).sort_index(kind="stable")
    rank = ends.groupby(ends).cumcount().to_numpy().reshape(-1, 2)
    best: pd.DataFrame = pairs[rank.min(axis=1) < _CLOSEST]
    return best
