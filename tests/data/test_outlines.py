from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bcdl.data.outlines import finding_areas, outlines
from bcdl.data.preparing import Preparation, Prepared, prepare_images
from bcdl.data.readers import Phantom
from bcdl.imaging import Imaging

READER = Phantom(patients=20, size=(256, 128), prevalence=1.0, difficulty=0.0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    imaging = Imaging(size=(128, 64), crop="breast", orient="left")
    return prepare_images(READER, READER.read(), Preparation(imaging, tmp_path_factory.mktemp("stores")))


def one_finding(prepared: Prepared, side: str) -> tuple[int, pd.DataFrame]:
    """The first image of a side that has a single finding: its row, and the finding."""
    images, findings = prepared.table.images, prepared.table.findings
    for row, image in enumerate(images["image_id"]):
        found = findings[findings["image_id"] == image]
        if len(found) == 1 and images["laterality"][row] == side:
            return row, found
    raise AssertionError(f"no image of side {side} with one finding")


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_mask_s_outline_lies_within_the_finding_s_box_on_either_side(side: str, prepared: Prepared) -> None:
    row, findings = one_finding(prepared, side)
    [outline] = outlines(READER, prepared.store, row, findings)
    [box] = outlines(None, prepared.store, row, findings)
    assert (outline.min(axis=0) >= box.min(axis=0) - 1).all()
    assert (outline.max(axis=0) <= box.max(axis=0) + 1).all()
    assert np.ptp(outline, axis=0) == pytest.approx(np.ptp(box, axis=0), abs=2)


def test_images_without_findings_have_no_outlines(prepared: Prepared) -> None:
    assert outlines(READER, prepared.store, 0, prepared.table.findings.iloc[:0]) == []


def test_findings_without_a_place_are_not_drawn(prepared: Prepared) -> None:
    row, findings = one_finding(prepared, "L")
    placeless = findings.assign(mask_path=np.nan, x0=np.nan, y0=np.nan, x1=np.nan, y1=np.nan)
    assert outlines(READER, prepared.store, row, placeless) == []


def test_a_data_set_is_prepared_below_two_folders_alike(tmp_path: Path, prepared: Prepared) -> None:
    imaging = Imaging(size=(128, 64), crop="breast", orient="left")
    again = prepare_images(READER, READER.read(), Preparation(imaging, tmp_path))
    assert again.store.fingerprint == prepared.store.fingerprint


def test_a_finding_s_area_is_its_mask_and_lies_within_its_outline_s_reach(prepared: Prepared) -> None:
    row, findings = one_finding(prepared, "R")
    [area] = finding_areas(READER, prepared.store, row, findings)
    [outline] = outlines(READER, prepared.store, row, findings)
    rows, columns = np.nonzero(area)
    assert area.shape == (128, 64)
    assert [columns.min(), rows.min()] == pytest.approx(outline.min(axis=0) - 0.5)
    assert [columns.max(), rows.max()] == pytest.approx(outline.max(axis=0) - 0.5)


def test_a_box_is_filled_where_there_is_no_mask(prepared: Prepared) -> None:
    row, findings = one_finding(prepared, "L")
    [area] = finding_areas(None, prepared.store, row, findings)
    [box] = outlines(None, prepared.store, row, findings)
    assert area.sum() == pytest.approx(np.ptp(box, axis=0).prod(), rel=0.25)
    assert finding_areas(READER, prepared.store, row, findings)[0][area].mean() > 0.5


def test_findings_without_a_place_and_those_cropped_away_have_no_area(prepared: Prepared) -> None:
    row, findings = one_finding(prepared, "L")
    far = findings.assign(mask_path=np.nan, x0=900.0, y0=900.0, x1=910.0, y1=910.0)
    placeless = far.assign(x0=np.nan, y0=np.nan, x1=np.nan, y1=np.nan)
    assert finding_areas(READER, prepared.store, row, far) == []
    assert finding_areas(READER, prepared.store, row, placeless) == []
