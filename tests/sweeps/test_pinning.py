import pytest

from bcdl.sweeps.pinning import pinned


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


def test_nothing_is_looked_up_without_need() -> None:
    def resolve(reference: str) -> str:
        raise AssertionError(reference)

    assert pinned(["model=cnn", "from=null"], resolve) == ["model=cnn", "from=null"]
