import pytest

from bcdl.errors import UserError
from bcdl.explanations import Settings, class_of

CLASSES = ("normal", "benign", "malignant")


@pytest.mark.parametrize(("target", "label"), [(None, 2), ("benign", 1), (0, 0), (2, 2)])
def test_a_class_is_named_by_name_number_or_not_at_all(target: str | int | None, label: int) -> None:
    assert class_of(CLASSES, 2, target) == label


@pytest.mark.parametrize("target", ["malignat", 3, -1, True])
def test_an_unknown_class_is_refused_with_those_that_are_known(target: str | int) -> None:
    with pytest.raises(UserError, match="expected target to be one of normal, benign, malignant"):
        class_of(CLASSES, 2, target)


@pytest.mark.parametrize(
    "wrong",
    [{"split": "all"}, {"n": 0}, {"n": True}, {"tolerance": -1}, {"check": 1}, {"methods": ("grad_cm",)}],
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"expected {next(iter(wrong))} to be"):
        Settings(**wrong)  # type: ignore[arg-type]
