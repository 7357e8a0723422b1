from collections.abc import Callable

import pytest

from bcdl.errors import UserError
from bcdl.sweeps.agreement import require_agreement
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space

Build = Callable[..., Settings]


def space(*typed: str, searching: bool = False, **when: str) -> Space:
    return Space.of(typed, {}, when, searching=searching)


def test_seeds_that_vary_twice_are_refused(settings_of: Build) -> None:
    with pytest.raises(UserError, match=r"seed is varied and sweep.seeds=3"):
        require_agreement(settings_of(seeds=3), space("seed=range(3)"))
    require_agreement(settings_of(), space("seed=range(3)"))
    require_agreement(settings_of(seeds=3), space("seed=7"))


@pytest.mark.parametrize("typed", ["data.fold=1", "data.folds=5", "data.fold=0,1", "+data.fold=1"])
def test_folds_that_are_set_twice_are_refused(settings_of: Build, typed: str) -> None:
    with pytest.raises(UserError, match=r"sweep\.folds=5 sets data\.folds and data\.fold, found data\.fold"):
        require_agreement(settings_of(folds=5), space(typed))
    require_agreement(settings_of(), space(typed))


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["a=1,2", "b=x,y"], "none"),
        (["a=interval(0,1)", "b=x,y"], "a;"),
        (["a=interval(0,1)", "b=range(1)"], "a;"),
        (["a=interval(0,1)", "c=interval(0,1)", "b=x,y"], "a;"),
    ],
)
def test_cmaes_needs_two_numbers_that_always_vary(settings_of: Build, typed: list[str], found: str) -> None:
    when = {"c": "b=x"} if len(typed) == 3 else {}
    with pytest.raises(UserError, match=f"two or more keys with an interval or a range.*found {found}"):
        require_agreement(settings_of("cmaes"), space(*typed, searching=True, **when))


def test_cmaes_takes_choices_beside_two_numbers(settings_of: Build) -> None:
    numbers = space("a=interval(0,1)", "b=range(5)", "c=x,y", searching=True)
    require_agreement(settings_of("cmaes"), numbers)
    require_agreement(settings_of("tpe"), space("c=x,y", searching=True))
