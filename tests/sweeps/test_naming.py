import re
from collections.abc import Sequence

import pytest

from bcdl.sweeps.naming import sweep_name
from bcdl.sweeps.settings import _NAME


@pytest.mark.parametrize(
    ("keys", "study", "name"),
    [
        (["model", "optimizer.lr"], None, "model-lr-3f2a"),
        (["model", "optimizer.lr"], "demo/four_models", "demo-four_models-3f2a"),
        (["a.b", "c/d@e.f", "+g.h", "i.j"], None, "b-f-h-3f2a"),
        (["model.dropout", "encoder.dropout"], None, "dropout-3f2a"),
        ([], None, "sweep-3f2a"),
        (["a.'ü'"], None, "sweep-3f2a"),
    ],
)
def test_a_name_tells_what_varies(keys: Sequence[str], study: str | None, name: str) -> None:
    assert sweep_name(keys, study, "3f2a") == name
    assert _NAME.fullmatch(name)


def test_two_sweeps_of_the_same_have_different_names() -> None:
    names = {sweep_name(["model"]) for _ in range(20)}
    assert len(names) > 10
    assert all(re.fullmatch("model-[0-9a-f]{4}", name) for name in names)
