import numpy as np
import pytest

from bcdl.transforms.tone import Tone


def image(size: int = 40) -> np.ndarray:
    generator = np.random.default_rng(0)
    pixels = generator.uniform(20, 200, (size, size, 1)).astype(np.float32)
    pixels[:, size // 2 :] = 0
    return pixels


def test_no_change_leaves_every_pixel() -> None:
    assert Tone().apply(image(), 255) == pytest.approx(image())


def test_gamma_bends_the_curve_between_0_and_the_maximum() -> None:
    original, peak = image(), image().max()
    assert Tone(gamma=1.5).apply(original, 255) == pytest.approx(peak * (original / peak) ** 1.5, rel=1e-5)


def test_contrast_keeps_the_mean_of_the_breast() -> None:
    breast = image() > 0
    found = Tone(contrast=0.8).apply(image(), 255)
    assert found[breast].mean() == pytest.approx(image()[breast].mean(), rel=1e-4)
    assert found[breast].std() == pytest.approx(0.8 * image()[breast].std(), rel=1e-4)


def test_brightness_shifts_by_a_share_of_the_maximum() -> None:
    breast, shift = image() > 0, 0.1 * image().max()
    assert Tone(brightness=0.1).apply(image(), 255)[breast] == pytest.approx(
        image()[breast] + shift, rel=1e-5
    )


def test_noise_depends_on_its_seed_alone_and_has_its_deviation() -> None:
    breast = image(200) > 0
    first, again, other = (Tone(noise=0.02, noise_seed=seed).apply(image(200), 255) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert (first - image(200))[breast].std() == pytest.approx(0.02 * image(200).max(), rel=0.05)


def test_blur_smooths() -> None:
    assert Tone(blur=0.05).apply(image(), 255)[:, :15].std() < 0.5 * image()[:, :15].std()


def test_a_hole_is_a_square_of_zeros_within_the_image() -> None:
    found = Tone(hole=(0.25, 0.5, 0.2)).apply(image(), 255)
    assert not found[16:24, 6:14].any()
    assert np.count_nonzero(found) == np.count_nonzero(image()) - 64
    corner = Tone(hole=(0.0, 0.0, 0.2)).apply(image(), 255)
    assert np.count_nonzero(corner) == np.count_nonzero(image()) - 16


@pytest.mark.parametrize("tone", [Tone(brightness=0.5), Tone(noise=0.3), Tone(blur=0.1), Tone(contrast=0.2)])
def test_the_background_stays_0_and_the_rest_within_range(tone: Tone) -> None:
    found = tone.apply(image(), 210)
    assert not found[image() == 0].any()
    assert found.min() >= 0
    assert found.max() <= 210


def test_an_empty_image_stays_empty() -> None:
    assert not Tone(brightness=0.5, noise=0.1).apply(np.zeros((4, 4, 1), dtype=np.float32), 255).any()
