import numpy as np
import pytest

from bcdl.errors import UserError
from bcdl.transforms.variants import AS_IT_IS, CHOICES, variants

IMAGE = np.random.default_rng(0).integers(0, 60000, (12, 8, 1), dtype=np.uint16)


def test_a_flip_is_the_image_and_its_mirror_image() -> None:
    flip = variants("flip")
    assert list(flip) == [AS_IT_IS, "mirrored"]
    np.testing.assert_array_equal(flip[AS_IT_IS](IMAGE, ""), IMAGE)
    np.testing.assert_array_equal(flip["mirrored"](IMAGE, ""), IMAGE[:, ::-1])


@pytest.mark.parametrize("choice", [name for name in CHOICES if name != "none"])
def test_every_choice_starts_with_the_image_itself_and_repeats_none(choice: str) -> None:
    found = variants(choice)
    assert next(iter(found)) == AS_IT_IS
    pictures = [variant(IMAGE, "") for variant in found.values()]
    assert all(each.shape == IMAGE.shape and each.dtype == IMAGE.dtype for each in pictures)
    assert len({each.tobytes() for each in pictures}) == len(found)


def test_no_variant_is_upside_down() -> None:
    assert not any(each.mirror[1] for choice in CHOICES.values() for each in choice.values())


def test_none_has_no_variants_and_an_unknown_choice_is_explained() -> None:
    assert variants("none") == {}
    with pytest.raises(UserError, match="Did you mean 'flip'"):
        variants("flop")
