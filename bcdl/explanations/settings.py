"""What is asked of an explanation, checked before anything is computed."""

from dataclasses import dataclass

from bcdl.errors import UserError, nearest
from bcdl.explain import METHODS

SPLITS = ("test", "val", "train")
WHICH = ("highest", "errors", "random")


@dataclass(frozen=True)
class Settings:
    """What is explained and how.

    Attributes:
        split: train, val or test.
        n: Samples on the sheets.
        which: `highest` probability first, `errors` (lowest probability of its own class first) or `random`.
        methods: Names; None takes those that work for the model but for costly ones.
        target: Name or number of the class; None takes the positive class.
        neighbours: Nearest training cases of each sample; 0 looks for none.
        scores: Whether maps are scored where lesions are known.
        most: Samples with a lesion that are scored, and as many without one.
        tolerance: Pixels by which a point may miss a lesion.
        check: Whether the parameter-randomisation check is made.
        seed: Of what is drawn.

    Raises:
        UserError: A value is out of its range.
    """

    split: str = "test"
    n: int = 16
    which: str = "highest"
    methods: tuple[str, ...] | None = None
    target: str | int | None = None
    neighbours: int = 3
    scores: bool = True
    most: int = 100
    tolerance: int = 0
    check: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choice("split", self.split, SPLITS)
        _check_choice("which", self.which, WHICH)
        for name in self.methods or ():
            _check_choice("methods", name, tuple(METHODS))
        for name, least in (("n", 1), ("most", 1), ("neighbours", 0), ("tolerance", 0), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UserError(f"expected {name} to be a whole number of {least} or more, found {value}")
        for name in ("scores", "check"):
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"expected {name} to be true or false, found {getattr(self, name)}")


def class_of(classes: tuple[str, ...], positive: int, target: str | int | None) -> int:
    """Return the label of the class that `target` names.

    Args:
        classes: Class names by label.
        positive: The positive class, which None stands for.
        target: Name or label.

    Raises:
        UserError: It names none.
    """
    if target is None:
        return positive
    if str(target) in classes:
        return classes.index(str(target))
    if isinstance(target, int) and not isinstance(target, bool) and 0 <= target < len(classes):
        return target
    raise UserError(
        f"expected target to be one of {', '.join(classes)} or its number, found '{target}'."
        f"{nearest(str(target), classes)}"
    )


def _check_choice(key: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        hint = nearest(str(value), choices)
        raise UserError(f"expected {key} to be one of {', '.join(choices)}, found '{value}'.{hint}")
