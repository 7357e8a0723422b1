import numpy as np
import pytest

from bcdl.data.phantom.texture import PARENCHYMA_EXPONENT, coloured, ridges, strands_to, white_spectrum


def noise(exponent: float) -> np.ndarray:
    spectrum = white_spectrum((256, 256), np.random.default_rng(0))
    return coloured(spectrum, spacing=1.0, exponent=exponent, largest=1e6)


@pytest.mark.parametrize("exponent", [0.0, 1.5, PARENCHYMA_EXPONENT])
def test_power_falls_with_the_exponent_asked_for(exponent: float) -> None:
    power = np.abs(np.fft.fft2(noise(exponent))) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    band = (frequency > 0.02) & (frequency < 0.4)
    slope, _ = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)
    assert -slope == pytest.approx(exponent, abs=0.1)


def test_noise_has_zero_mean_and_unit_variance() -> None:
    field = noise(PARENCHYMA_EXPONENT)
    assert field.mean() == pytest.approx(0.0, abs=1e-3)
    assert field.std() == pytest.approx(1.0, abs=1e-3)


def test_ridges_are_brightest_on_the_zero_crossings() -> None:
    lines = ridges(np.array([[-2.0, 0.0, 2.0]], np.float32), sharpness=3.0)
    assert lines[0, 1] == 1.0
    assert lines[0, 0] == lines[0, 2] < 0.01


def test_strands_run_along_the_rays_of_the_point() -> None:
    y, x = np.mgrid[0:128, 1:129].astype(np.float32)
    distance, angle = np.hypot(x, y - 64), np.arctan2(y - 64, x)
    strands = strands_to(noise(0.0)[:128, :128], distance, angle, 1.0, radius=20.0, stretch=12.0)
    down, right = np.gradient(strands)
    along = right * np.cos(angle) + down * np.sin(angle)
    across = down * np.cos(angle) - right * np.sin(angle)
    assert np.abs(along[:, 30:]).mean() < 0.5 * np.abs(across[:, 30:]).mean()
