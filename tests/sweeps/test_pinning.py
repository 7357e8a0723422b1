import pytest

from bcdl.errors import UserError
from bcdl.sweeps.pinning import earlier_runs, pinned


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("from=latest", "from=<latest>"),
        ("+from=3f2a", "+from=<3f2a>"),
        ("from=null", "from=null"),
        ("from=3f2a,91bc", "from=3f2a,91bc"),
        ("encoder.weights=run:latest", "encoder.weights=run:<latest>"),
        ("encoder.weights=weights.ckpt", "encoder.weights=weights.ckpt"),
        ("seed=1", "seed=1"),
    ],
)
def test_what_names_a_run_is_replaced_by_its_id(typed: str, meant: str) -> None:
    assert pinned([typed], lambda reference: f"<{reference}>") == [meant]


@pytest.mark.parametrize("typed", ["from=latest,3f2a", "encoder.weights=choice(null,run:latest)"])
def test_latest_among_values_that_are_swept_over_is_refused(typed: str) -> None:
    with pytest.raises(UserError, match="name the run by its id"):
        pinned([typed], lambda reference: reference)


def test_the_runs_that_a_sweep_starts_from_are_found() -> None:
    assert earlier_runs(["seed=1", "from=3f2a"]) == ["3f2a"]
    assert earlier_runs(["+from=choice(3f2a, 91bc)"]) == ["3f2a", "91bc"]
    assert earlier_runs(["from=null", "seed=1"]) == []


def test_nothing_is_looked_up_without_need() -> None:
    def resolve(reference: str) -> str:
        raise AssertionError(reference)

    assert pinned(["model=cnn", "from=null"], resolve) == ["model=cnn", "from=null"]
