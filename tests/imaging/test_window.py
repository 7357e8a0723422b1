import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

from bcdl.errors import UserError
from bcdl.imaging.window import FUNCTIONS, by_minmax, by_percentile, check_policy, stretch

VALUES = np.linspace(-100, 5000, 997, dtype=np.float32)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("centre", "width"), [(2000.0, 1000.0), (100.0, 3.0), (4000.0, 4096.0)])
def test_windows_are_those_of_the_standard(function: str, centre: float, width: float) -> None:
    header = Dataset()
    header.WindowCenter, header.WindowWidth, header.VOILUTFunction = centre, width, function
    header.BitsStored, header.PixelRepresentation, header.PhotometricInterpretation = 12, 0, "MONOCHROME2"
    expected = apply_windowing(VALUES.astype(np.float64), header) / 4095
    np.testing.assert_allclose(FUNCTIONS[function](VALUES, centre, width), expected, atol=1e-4)


def test_a_linear_window_of_width_1_is_a_threshold() -> None:
    assert FUNCTIONS["LINEAR"](np.array([99, 100, 101], np.float32), 100.5, 1).tolist() == [0, 0, 1]


def test_a_range_of_nothing_is_a_threshold() -> None:
    assert stretch(np.array([1, 2, 3], np.float32), 2, 2).tolist() == [0, 0, 1]


def test_the_least_and_greatest_known_values_become_0_and_1() -> None:
    values, counts = np.array([-9, 2, 4, 6], np.float32), np.array([0, 1, 5, 1], np.float32)
    assert by_minmax(values, counts).tolist() == [0, 0, 0.5, 1]


def test_percentiles_are_those_of_what_is_brighter_than_air() -> None:
    values = np.concatenate([[0], np.linspace(100, 200, 1001), [9000]]).astype(np.float32)
    counts = np.concatenate([[10_000], np.ones(1002)]).astype(np.float32)
    shown = by_percentile(values, counts)
    assert shown[501] == pytest.approx(0.5, abs=0.02)
    assert (shown.min(), shown.max()) == (0, 1)
    alone = np.array([0, 5, 0], np.float32)
    assert by_percentile(np.array([6, 7, 8], np.float32), alone).tolist() == [0, 0, 1]


def test_an_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"imaging\.window .*Did you mean 'percentile'"):
        check_policy("percentiles")
