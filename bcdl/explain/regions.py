"""Where the breast is: what lies in the air around it says nothing about a map."""

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.data.batch import Batch
from bcdl.imaging.breast import foreground

Mask = NDArray[np.bool_]


def breasts(batch: Batch) -> Mask:
    """Return the pixels (B, V, H, W) of the breast in every view, all pixels where none is found.

    Nothing is chosen where a view is missing.
    """
    grey = batch["image"].detach().float().mean(2).cpu().numpy()  # (B, V, H, W)
    found = np.zeros(grey.shape, bool)
    for place in np.argwhere(batch["view_mask"].cpu().numpy()):
        found[tuple(place)] = _breast(grey[tuple(place)])
    return found


def _breast(view: NDArray[np.float32]) -> Mask:
    levels = cv2.normalize(view, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    found = foreground(levels)
    return np.ones(view.shape, bool) if found is None else found
