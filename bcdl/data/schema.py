"""The columns of the exam table and of its findings: their types, vocabularies and checks (pandera).

Broken cells come back as a table of issues (`row, column, value, expected`); what to do about them is
decided in `bcdl.data.table`.
"""

from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Kind = Literal["text", "integer", "number", "day"]
Columns = dict[str, Kind]

LATERALITIES = ("L", "R", "NA")
VIEWS = ("CC", "MLO", "ML", "LM", "LMO", "XCCL", "AT", "FB", "US", "OTHER", "NA")
DENSITIES = ("A", "B", "C", "D")
SPLITS = ("train", "val", "test", "NA")

IMAGE_COLUMNS: Columns = {
    "patient_id": "text",
    "exam_id": "text",
    "exam_day": "day",
    "image_id": "text",
    "laterality": "text",
    "view": "text",
    "path": "text",
    "frame": "integer",
    "pixel_spacing": "number",
    "label": "integer",
    "birads": "text",
    "density": "text",
    "age": "number",
    "machine": "text",
    "site": "text",
    "split": "text",
}
FINDING_COLUMNS: Columns = {
    "image_id": "text",
    "finding_id": "text",
    "kind": "text",
    "label": "integer",
    "mask_path": "text",
    "x0": "number",
    "y0": "number",
    "x1": "number",
    "y1": "number",
}
REQUIRED_IMAGE_COLUMNS = ("patient_id", "exam_id", "image_id", "path")
REQUIRED_FINDING_COLUMNS = ("image_id", "finding_id", "kind")
FILL: dict[str, Any] = {"laterality": "NA", "view": "NA", "frame": 0, "split": "NA"}

TEXT = pd.StringDtype(na_value=np.nan)
_EXPECTED: dict[Kind, str] = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "day": "days from the patient's first exam (or exam_date, such as 2024-05-31)",
}
ISSUE_COLUMNS = ["row", "column", "value", "expected"]


def codes(words: pd.Series, vocabulary: tuple[str, ...]) -> NDArray[np.int64]:
    """Return every word's position in the vocabulary."""
    return pd.Categorical(words, categories=list(vocabulary)).codes.astype(np.int64)


def cast_cells(frame: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give every known column its type, absent ones as nulls, and report the cells that cannot take it.

    Returns:
        The frame with known columns first and others after them, and its issues; broken cells are null.
    """
    frame = frame.reset_index(drop=True)
    cells: dict[str, pd.Series] = {}
    issues = []
    for name, kind in columns.items():
        source = frame[name] if name in frame else pd.Series(np.nan, index=frame.index)
        cells[name] = _cast(source, kind)
        broken = cells[name].isna() & source.notna()
        if broken.any():
            issues.append(_issues(frame.index[broken], name, source[broken], _EXPECTED[kind]))
        if name in FILL:
            cells[name] = cells[name].fillna(FILL[name])
    others = frame[[name for name in frame if name not in columns]]
    return pd.concat([pd.DataFrame(cells), others], axis=1), _concat(issues)


def image_issues(images: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Check completed images: filled keys, unique `image_id`, vocabularies, ranges, labels of the classes."""
    return _failures(images, _image_schema(classes))


@cache
def _image_schema(classes: int) -> Any:  # noqa: ANN401 (a pandera schema; pandera is imported late)
    import pandera.pandas as pa

    def vocabulary(words: tuple[str, ...]) -> pa.Check:
        return pa.Check.isin(words, error=f"one of {', '.join(words)}")

    def filled(**kwargs: Any) -> pa.Column:  # noqa: ANN401 (pandera's own keywords)
        return pa.Column(checks=pa.Check.ne("", error="a value"), **kwargs)

    columns = {
        "patient_id": filled(),
        "exam_id": filled(),
        "image_id": filled(unique=True, report_duplicates="exclude_first"),
        "laterality": pa.Column(checks=vocabulary(LATERALITIES)),
        "view": pa.Column(checks=vocabulary(VIEWS)),
        "path": filled(),
        "frame": pa.Column(checks=pa.Check.ge(0, error="0 or more")),
        "pixel_spacing": pa.Column(checks=pa.Check.gt(0, error="millimetres above 0"), nullable=True),
        "label": pa.Column(checks=_label_check(classes), nullable=True),
        "density": pa.Column(checks=vocabulary(DENSITIES), nullable=True),
        "age": pa.Column(checks=pa.Check.in_range(0, 130, error="years from 0 to 130"), nullable=True),
        "split": pa.Column(checks=vocabulary(SPLITS)),
    }
    return pa.DataFrameSchema(columns)


def finding_issues(findings: pd.DataFrame, images: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Check completed findings: known images, labels in 0..classes-1, boxes with x0 < x1 and y0 < y1."""
    issues = [_failures(findings, _finding_schema(classes))]
    strange = pd.Index(images["image_id"].unique()).get_indexer(findings["image_id"]) < 0
    issues.append(
        _issues(findings.index[strange], "image_id", findings["image_id"][strange], "an image of the table")
    )
    for low, high in (("x0", "x1"), ("y0", "y1")):
        broken = findings[low] >= findings[high]
        issues.append(_issues(findings.index[broken], high, findings[high][broken], f"more than {low}"))
    return _concat(issues)


@cache
def _finding_schema(classes: int) -> Any:  # noqa: ANN401 (a pandera schema; pandera is imported late)
    import pandera.pandas as pa

    columns = {
        "image_id": pa.Column(),
        "finding_id": pa.Column(),
        "kind": pa.Column(),
        "label": pa.Column(checks=_label_check(classes), nullable=True),
    }
    return pa.DataFrameSchema(columns)


def _label_check(classes: int) -> Any:  # noqa: ANN401 (a pandera Check; pandera is imported late)
    import pandera.pandas as pa

    labels = ", ".join(str(label) for label in range(classes))
    return pa.Check.in_range(0, classes - 1, error=f"one of {labels} (one label a class) or nothing")


def _cast(cells: pd.Series, kind: Kind) -> pd.Series:
    if kind == "text":
        return cells.astype(TEXT)
    numbers = pd.to_numeric(cells, errors="coerce").astype("Float64")
    if kind in ("number", "day"):
        return numbers.astype("float64")
    return numbers.where((numbers % 1 == 0).fillna(False)).astype("Int64")


def _failures(frame: pd.DataFrame, schema: Any) -> pd.DataFrame:  # noqa: ANN401 (a pandera schema)
    from pandera.errors import SchemaErrors

    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        words = cases["check"].replace({"not_nullable": "a value", "field_uniqueness": "a value of its own"})
        return pd.DataFrame(
            {
                "row": cases["index"].astype("int64"),
                "column": cases["column"],
                "value": cases["failure_case"],
                "expected": words,
            }
        )
    return _concat([])


def _issues(rows: pd.Index, column: str, values: pd.Series, expected: str) -> pd.DataFrame:
    cells = {"row": rows, "column": column, "value": values.to_numpy(dtype=object), "expected": expected}
    return pd.DataFrame(cells, columns=ISSUE_COLUMNS)


def _concat(issues: list[pd.DataFrame]) -> pd.DataFrame:
    found = [issue for issue in issues if len(issue)]
    return (
        pd.concat(found, ignore_index=True) if found else pd.DataFrame({name: [] for name in ISSUE_COLUMNS})
    )
