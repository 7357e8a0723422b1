"""What a person types for a run or a goal reaches Hydra as the text that it is."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from bcdl.quoting import quoted


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("run=3e42", "3e42"),
        ("run=5369", "5369"),
        ("run=3f2a", "3f2a"),
        ("run='5369'", "5369"),
        ("+resume=12e4", "12e4"),
        ("evaluate.runs=[7074e240,d43d977c,12]", ["7074e240", "d43d977c", "12"]),
        ("evaluate.runs=[3f2a, 3e42 ,5369]", ["3f2a", "3e42", "5369"]),
        ("evaluate.runs=1234", "1234"),
        ("operating_point=sensitivity=0.9", "sensitivity=0.9"),
        ('operating_point="sensitivity=0.9"', "sensitivity=0.9"),
        ("operating_point=0.3", 0.3),
        ("operating_point=youden", "youden"),
        ("evaluate.operating_points=[youden,recall_rate=0.1]", ["youden", "recall_rate=0.1"]),
        ("optimizer.lr=3e4", 3e4),
        ("data.batch_size=5369", 5369),
    ],
)
def test_a_run_or_a_goal_is_a_text_and_numbers_stay_numbers(typed: str, value: object) -> None:
    assert OverridesParser.create().parse_override(quoted(typed)).value() == value


def test_several_runs_of_a_multirun_stay_several() -> None:
    choice = OverridesParser.create().parse_override(quoted("run=3e42,3f2a"))
    assert choice.is_choice_sweep()
    assert list(choice.sweep_string_iterator()) == ['"3e42"', "3f2a"]
