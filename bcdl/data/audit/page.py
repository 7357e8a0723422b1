"""The audit as one HTML page, without scripts or anything from elsewhere; every cell is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.audit.finding import SEVERITIES, Finding
from bcdl.data.audit.summary import summarise_table
from bcdl.data.audit.thumbnails import Images
from bcdl.data.table import ExamTable
from bcdl.pages import data_address, rendered

_ROWS, _PAIRS = 20, 12  # shown of a finding
_HEIGHT = 150  # pixels of a picture
_TEMPLATE = Path(__file__).parent / "page.html.j2"


@dataclass(frozen=True)
class Picture:
    """One image of a pair: a PNG as a data address, and its caption."""

    source: str
    image_id: str
    caption: str


def render_page(findings: Sequence[Finding], table: ExamTable, images: Images, title: str) -> str:
    """Return the page: what the data set holds, then every finding with its first rows and pairs."""
    return rendered(
        _TEMPLATE,
        title=title,
        counts={name: sum(finding.severity == name for finding in findings) for name in SEVERITIES},
        holds=_table(summarise_table(table), table.classes),
        findings=[
            {
                "finding": finding,
                "name": finding.check.replace("_", " "),
                "table": _table(finding.rows.head(_ROWS), table.classes),
                "pairs": _pairs(finding.rows, images, table.classes),
            }
            for finding in findings
        ],
    )


def _table(frame: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, Any]:
    """Return a table's header, its cells in words, and which columns are numbers."""
    shown = frame.drop(columns="row", errors="ignore")
    numeric = [pd.api.types.is_numeric_dtype(shown[name]) and name != "label" for name in shown]
    cells = [[_cell(value) for value in row] for row in _named(shown, classes).itertuples(index=False)]
    return {"header": list(shown.columns), "numeric": numeric, "rows": cells}


def _named(frame: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Write labels as class names."""
    if "label" not in frame:
        return frame
    return frame.assign(label=frame["label"].map(dict(enumerate(classes)).get, na_action="ignore"))


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]  # any cell
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)


def _pairs(rows: pd.DataFrame, images: Images, classes: tuple[str, ...]) -> list[list[Picture]]:
    """Return the first two images of the first groups of copies; nothing for other findings."""
    if not {"group", "row", "similarity"} <= set(rows):
        return []
    named = _named(rows, classes)
    chosen = named[named["group"].isin(named["group"].unique()[:_PAIRS])].groupby("group", sort=False).head(2)
    return [
        [_picture(row, images) for row in pair.to_dict("records")]
        for _, pair in chosen.groupby("group", sort=False)
    ]


def _picture(row: dict[Any, Any], images: Images) -> Picture:
    caption = f"{row['split']}, {_cell(row['label'])}"
    return Picture(_png(np.asarray(images[row["row"]])), str(row["image_id"]), caption)


def _png(image: NDArray[Any]) -> str:
    """Return an image (H, W, C), its range spread over black to white, as a data address."""
    grey = image.mean(axis=2, dtype=np.float32)
    width = max(1, round(_HEIGHT * grey.shape[1] / grey.shape[0]))
    small = cv2.resize(grey, (width, _HEIGHT), interpolation=cv2.INTER_AREA)
    low, high = float(small.min()), float(small.max())
    pixels = np.round((small - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
    return data_address(cv2.imencode(".png", pixels)[1].tobytes())
