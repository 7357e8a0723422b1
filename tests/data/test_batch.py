import numpy as np
import pytest
import torch

from bcdl.data.batch import Sample, collate


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tensors_share_the_arrays_memory_and_type(dtype: type) -> None:
    slots = np.zeros((2, 3), np.int64)
    sample = Sample(
        image=np.full((2, 3, 1, 4, 4), np.iinfo(dtype).max, dtype),
        view_mask=slots == 0,
        view=slots,
        laterality=slots,
        time=slots.astype(np.float32),
        label=slots[:, 0],
        index=slots[:, 0],
    )
    batch = collate(sample)
    assert set(batch) == set(sample)
    assert batch["image"].dtype == getattr(torch, np.dtype(dtype).name)
    assert batch["image"].float().max() == np.iinfo(dtype).max
    assert batch["view_mask"].dtype == torch.bool
    sample["view"][0, 0] = 7
    assert batch["view"][0, 0] == 7
