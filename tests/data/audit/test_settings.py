from typing import Any

import pytest

from bcdl.data.audit import AuditSettings
from bcdl.errors import UserError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"near_duplicate": 1.5}, "near_duplicate from 0.5 to 1, found 1.5"),
        ({"leak_warning": 0.95}, "leak_severe from 0.95 to 1, found 0.9"),
        ({"association_severe": 0.05}, "association_severe from 0.1 to 1, found 0.05"),
        ({"significance": -1}, "significance from 0 to 1, found -1"),
        ({"prevalence_ratio": 0.5}, "prevalence_ratio from 1 to inf, found 0.5"),
        ({"significance": float("nan")}, "significance from 0 to 1, found nan"),
        ({"leak_severe": "high"}, "a number for leak_severe, found 'high'"),
        ({"leak_severe": True}, "a number for leak_severe, found True"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_an_error(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        AuditSettings(**values)
