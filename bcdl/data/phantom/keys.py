"""The name of a view, `p000012/e0/L/CC`, and of a lesion's mask in it, `p000012/e0/L/CC#1`."""

import re
from dataclasses import dataclass
from typing import cast

from bcdl.data.phantom.anatomy import Side, View
from bcdl.errors import UserError

_PATH = re.compile(r"p(\d{6,})/e(\d+)/([LR])/(CC|MLO)(?:#(\d+))?")


@dataclass(frozen=True)
class ViewKey:
    """Which view: patient and exam numbers (exam 0 is the oldest), side, view."""

    patient: int
    exam: int
    side: Side
    view: View

    @property
    def patient_id(self) -> str:
        """The patient, `p000012`."""
        return f"p{self.patient:06d}"

    @property
    def exam_id(self) -> str:
        """The exam of its patient, `e0`."""
        return f"e{self.exam}"

    @property
    def path(self) -> str:
        """The view, `p000012/e0/L/CC`."""
        return f"{self.patient_id}/{self.exam_id}/{self.side}/{self.view}"


def parse_path(path: str) -> tuple[ViewKey, int | None]:
    """Return the view that `path` names, and the lesion's number where it names a mask.

    Raises:
        UserError: `path` has another form.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise UserError(
            f"phantom: expected a path such as p000012/e0/L/CC, found '{path}'; take it from the tables"
        )
    key = ViewKey(int(match[1]), int(match[2]), cast(Side, match[3]), cast(View, match[4]))
    return key, int(match[5]) if match[5] else None
