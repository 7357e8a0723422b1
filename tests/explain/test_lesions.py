from pathlib import Path

import numpy as np
import pytest

import bcdl
from bcdl.data import ExamDataModule
from bcdl.explain import Lesions


@pytest.fixture
def data(trained: Path) -> ExamDataModule:
    return bcdl.load_run("latest", trained).data


def test_samples_that_show_a_lesion_of_the_class_are_found_without_decoding(data: ExamDataModule) -> None:
    images = data.table.images["image_id"]
    for target in (0, 1):
        lesions = Lesions(data, target)
        shown = lesions.shown(data.samples)
        located = data.table.findings.query(f"label == {target}")["image_id"].unique()
        expected = [images[rows].isin(located).any() for rows in data.samples["rows"]]
        assert shown.tolist() == expected
        assert 0 < shown.sum() < len(shown)
        assert lesions.known


def test_masks_and_outlines_stand_in_the_slots_of_the_views(data: ExamDataModule) -> None:
    lesions = Lesions(data, 1)
    rows = data.samples["rows"][int(np.argmax(lesions.shown(data.samples)))]
    masks, outlines = lesions.masks(rows), lesions.outlines(rows)
    assert len(masks) == len(outlines) == data.max_views
    assert [len(slot) > 0 for slot in masks] == [len(slot) > 0 for slot in outlines]
    areas = [mask for slot in masks for mask in slot]
    assert areas
    assert all(mask.shape == data.image_size and mask.any() for mask in areas)


def test_a_finding_without_a_label_is_of_its_image_s_class(data: ExamDataModule) -> None:
    findings = data.table.findings
    before = findings["label"].copy()
    try:
        findings["label"] = None
        images = data.table.images.set_index("image_id")["label"]
        shown = Lesions(data, 1).shown(data.samples)
        malignant = findings["image_id"].map(images) == 1
        expected = data.table.images["image_id"].isin(findings.loc[malignant, "image_id"])
        assert shown.tolist() == [expected[rows].any() for rows in data.samples["rows"]]
    finally:
        findings["label"] = before


def test_findings_without_a_place_show_nothing(data: ExamDataModule) -> None:
    findings = data.table.findings
    columns = ["mask_path", "x0", "y0", "x1", "y1"]
    before = findings[columns].copy()
    try:
        findings[columns] = np.nan
        assert not Lesions(data, 1).known
        assert not Lesions(data, 1).shown(data.samples).any()
    finally:
        findings[columns] = before
