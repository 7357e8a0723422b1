import numpy as np
import pytest

from bcdl.data.audit.candidates import candidate_pairs
from bcdl.data.audit.signatures import BITS, PARITY, Signatures


def unit(coefficients: np.ndarray) -> Signatures:
    lengths = np.linalg.norm(coefficients, axis=1, keepdims=True)
    return Signatures((coefficients / lengths).astype(np.float16))


def drawn(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, BITS))


def test_unrelated_images_are_no_candidates() -> None:
    assert candidate_pairs(unit(drawn(2000))).empty


@pytest.mark.parametrize("mirrored", [False, True])
def test_alike_images_are_found_among_others(mirrored: bool) -> None:
    others = drawn(1000)
    copy = (others[3] + 0.4 * drawn(1, seed=1)[0]) * (PARITY if mirrored else 1)
    pairs = candidate_pairs(unit(np.vstack([others, copy])))
    assert pairs[["first", "second", "mirrored"]].to_numpy().tolist() == [[3, 1000, mirrored]]


def test_an_image_that_is_its_own_mirror_image_is_no_pair() -> None:
    assert candidate_pairs(unit(drawn(1) * (PARITY == 1))).empty


def test_hundreds_of_alike_images_give_no_more_than_two_pairs_an_image() -> None:
    crowd = drawn(1)[0] + 0.1 * drawn(300, seed=1)
    pairs = candidate_pairs(unit(crowd))
    assert 0 < len(pairs) <= 600
    assert (pairs["first"] < pairs["second"]).all()
    assert pairs["correlation"].is_monotonic_decreasing
