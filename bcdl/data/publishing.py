"""What `bcdl prepare` lays beside the images of a store: the tables, what they are, and what was refused.

Training needs none of it; `data=multi` reads it, where the data set itself may be far away.
"""

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd

from bcdl.data.readers.reader import Reader
from bcdl.data.refusals import Refusals
from bcdl.data.segments import write_parquet
from bcdl.data.store import ABOUT, read_about
from bcdl.data.table import ExamTable
from bcdl.imaging import Imaging

_LOG = logging.getLogger(__name__)
IMAGES, FINDINGS, REPORT = "images.parquet", "findings.parquet", "refusals.csv"


def publish(
    target: Path, reader: Reader, imaging: Imaging, table: ExamTable, refusals: Refusals, private: bool
) -> None:
    """Write the tables and the report of refusals into a store; of private data without its files' paths.

    Args:
        target: The store's folder.
        reader: Where the table comes from.
        imaging: How the images were prepared.
        table: All images, refused ones too, with the column `key` of their records.
        refusals: What was said against them.
        private: Whether the table holds pseudonyms.
    """
    images, findings = table.images, table.findings
    if private:
        images, findings = images.assign(path=images["image_id"]), findings.assign(mask_path=np.nan)
    about: dict[str, Any] = {
        "reader": reader.name,
        "classes": table.classes,
        "positive": table.positive,
        "imaging": asdict(imaging),
        "table": _digest(images),
    }
    _warn_of_another(target, about["table"])
    write_parquet(images, target / IMAGES)
    write_parquet(findings, target / FINDINGS)
    refusals.rows.assign(row=refusals.rows["row"] + 1).to_csv(target / REPORT, index=False)
    part = target / f"{ABOUT}.{uuid4().hex[:8]}.tmp"
    part.write_text(json.dumps(about, indent=1))
    part.replace(target / ABOUT)


def _digest(images: pd.DataFrame) -> str:
    rows = pd.util.hash_pandas_object(images.drop(columns="key"), index=False)
    return hashlib.sha256(rows.to_numpy().tobytes()).hexdigest()


def _warn_of_another(target: Path, digest: str) -> None:
    if not (target / ABOUT).is_file() or read_about(target)["table"] == digest:
        return
    _LOG.warning(
        "%s: another table of the same images was prepared before, which this one replaces for data=multi; "
        "another data.store keeps both",
        target,
    )
