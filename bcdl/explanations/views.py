"""Which of a sample's views drove what the model says of it, as a table."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.explain import leave_one_out, shapley_values
from bcdl.explanations.examined import Examined

_MOST_VIEWS = 8  # of which Shapley values are exact
Shares = dict[int, NDArray[np.float32]]


def contributions(examined: Examined, positions: list[int]) -> Shares:
    """Return the share (V,) of the logit that each view of some samples has; of single views none.

    Shapley values, or, of more than 8 views, by how much the logit falls without each view.
    """
    if examined.data.max_views == 1:
        return {}
    method = shapley_values if examined.data.max_views <= _MOST_VIEWS else leave_one_out
    found: Shares = {}
    for part, batch in examined.batches(positions):
        found.update(zip(part, method(examined.model, batch, examined.target), strict=True))
    return found


def contribution_table(examined: Examined, shares: Shares) -> pd.DataFrame:
    """Return a row a view of the samples, in their order."""
    images = examined.data.table.images
    method = "shapley" if examined.data.max_views <= _MOST_VIEWS else "leave_one_out"
    return pd.DataFrame(
        [
            {
                "sample_id": examined.samples["sample_id"].iloc[position],
                "image_id": images["image_id"].iloc[row],
                "laterality": images["laterality"].iloc[row],
                "view": images["view"].iloc[row],
                "probability": examined.probability[position],
                "contribution": float(share[slot]),
                "method": method,
            }
            for position, share in shares.items()
            for slot, row in enumerate(examined.rows(position))
        ]
    )
