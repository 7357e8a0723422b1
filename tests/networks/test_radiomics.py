import torch

from bcdl.features import FEATURES
from bcdl.networks import RadiomicsEncoder


def test_it_hands_on_the_rows_of_the_table_to_the_bit() -> None:
    rows = torch.randn(3, len(FEATURES), generator=torch.Generator().manual_seed(0))
    encoder = RadiomicsEncoder()
    assert encoder.reads == "tabular"
    assert torch.equal(encoder(rows), rows)
    assert encoder(rows[:0]).shape == (0, encoder.dim)


def test_it_learns_nothing_and_has_no_stage_to_unfreeze() -> None:
    encoder = RadiomicsEncoder()
    assert list(encoder.parameters()) == []
    assert [p for stage in encoder.stages for module in stage for p in module.parameters()] == []
