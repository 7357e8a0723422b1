"""The check inside the breast and on whole images: `python experiments/explain/regions.py [root]`."""

import sys
from pathlib import Path

import numpy as np
import torch

import bcdl
from bcdl.explain import CUTOFF, randomisation_check
from bcdl.explanations import Examined
from bcdl.tracking import TrackingStore

STUDY, WIDTHS = "explain/pointing", "[8,16,32,64]"
METHODS, VIEWS = ("grad_cam", "integrated_gradients"), 16


def main() -> None:
    """Print the correlation of each method's maps with those of the randomised model, run by run."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    store = TrackingStore.open(root, create=False)
    runs = store.runs()
    chosen = runs[(runs["params.experiments"] == STUDY) & (runs["params.encoder.widths"] == WIDTHS)]
    for run_id in chosen.loc[chosen["status"] == "FINISHED", "run_id"]:
        run = bcdl.load_run(run_id, root)
        examined = Examined(run.model, run.data, "test", 1, torch.device("cpu"))
        _, batch = next(examined.batches(examined.chosen("highest", VIEWS, 0)))
        everywhere = np.ones((*batch["view_mask"].shape, *batch["image"].shape[-2:]), bool)
        for method in METHODS:
            inside, whole = (
                randomisation_check(run.model, batch, method, regions=regions).table["correlation"].iloc[-1]
                for regions in (None, everywhere)
            )
            verdict = ", ".join("passes" if value < CUTOFF else "fails" for value in (inside, whole))
            print(f"{run_id[:4]} {method}: inside {inside:.2f}, whole image {whole:.2f}: {verdict}")


if __name__ == "__main__":
    main()
