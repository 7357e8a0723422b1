import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers.cbis_ddsm import CBISDDSM
from bcdl.data.table import ExamTable
from bcdl.errors import UserError
from bcdl.imaging import Display, ImageError
from tests.data.readers.dicom_files import write_dicom

SHAPE = (48, 32)
TABLES = {  # table: its folders' prefix, and rows of patient, side, view, abnormality, density, assessment,
    # pathology, subtlety
    "mass_case_description_train_set.csv": (
        "Mass-Training",
        [
            ("P_00001", "LEFT", "CC", 1, 3, 4, "MALIGNANT", 4),
            ("P_00001", "LEFT", "MLO", 1, 3, 0, "BENIGN", 5),
            ("P_00002", "RIGHT", "CC", 1, 0, 2, "BENIGN_WITHOUT_CALLBACK", 0),
        ],
    ),
    "mass_case_description_test_set.csv": (
        "Mass-Test",
        [("P_00016", "LEFT", "CC", 1, 4, 5, "MALIGNANT", 5)],
    ),
    "calc_case_description_train_set.csv": (
        "Calc-Training",
        [
            ("P_00001", "LEFT", "CC", 2, 3, 2, "BENIGN", 2),
            ("P_00016", "LEFT", "CC", 2, 4, 3, "BENIGN", 3),
            ("P_00016", "RIGHT", "MLO", 1, 4, 3, "BENIGN", 1),
        ],
    ),
    "calc_case_description_test_set.csv": (
        "Calc-Test",
        [("P_00038", "LEFT", "CC", 1, 1, 2, "BENIGN_WITHOUT_CALLBACK", 2)],
    ),
}
MASS_TRAIN = "mass_case_description_train_set.csv"


def cbis_ddsm(folder: Path, place: str = "CBIS-DDSM", images: bool = True, **arguments: Any) -> CBISDDSM:
    """Write four tables with eight abnormalities on six images, of which two lie in two folders."""
    for number, (table, (prefix, rows)) in enumerate(TABLES.items()):
        write_table(folder / table, prefix, rows)
        for row, (patient, side, view, abnormality, *_) in enumerate(rows):
            name = f"{prefix}_{patient}_{side}_{view}"
            if images:
                write_image(folder / place / name, seed=TABLE_SEED[f"{patient}_{side}_{view}"])
                write_abnormality(
                    folder / place / f"{name}_{abnormality}", two_series=(number + row) % 2 == 1
                )
    return CBISDDSM(folder, **arguments)


TABLE_SEED = {
    f"{patient}_{side}_{view}": number
    for number, (patient, side, view) in enumerate(
        sorted({row[:3] for _, rows in TABLES.values() for row in rows})
    )
}


def write_table(file: Path, prefix: str, rows: list[tuple[Any, ...]]) -> None:
    """Write a table in the source's form: a path cell ends in a newline, density has two names."""
    kind = "mass" if prefix.startswith("Mass") else "calcification"
    density = "breast_density" if kind == "mass" else "breast density"
    features = ("mass shape", "mass margins") if kind == "mass" else ("calc type", "calc distribution")
    lines = [
        f"patient_id,{density},left or right breast,image view,abnormality id,abnormality type,"
        f"{','.join(features)},assessment,pathology,subtlety,image file path,cropped image file path,"
        "ROI mask file path"
    ]
    for patient, side, view, number, dense, assessment, pathology, subtlety in rows:
        image = f"{prefix}_{patient}_{side}_{view}"
        cells = [patient, dense, side, view, number, kind, "OVAL", "", assessment, pathology, subtlety]
        crop, mask = (f"{image}_{number}/1.3.6/1.3.7/00000{file}.dcm" for file in (0, 1))
        lines.append(",".join(map(str, [*cells, f"{image}/1.3/1.4/000000.dcm", crop, f'"{mask}\n"'])))
    file.write_text("\n".join(lines) + "\n")


def write_image(folder: Path, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 65535, SHAPE, dtype=np.uint16)
    write_dicom(folder / "07-20-2016-DDSM-NA-1" / "1.000000-full mammogram images-2" / "1-1.dcm", pixels)


def write_abnormality(
    folder: Path,
    two_series: bool,
    crop: tuple[int, int] = (12, 10),
    mask: tuple[int, int] = SHAPE,
    mask_first: bool = False,
) -> None:
    """Write crop and mask, in one series of two files or in two series, the mask's values 0 and 255."""
    study = folder / "07-20-2016-DDSM-NA-3"
    series = "1.000000-cropped images-4", "1.000000-ROI mask images-5"
    names = ("1-2", "1-1") if mask_first else ("1-1", "1-2")
    grey = np.linspace(1000, 60000, crop[0] * crop[1]).reshape(crop).astype(np.uint16)
    outline = np.zeros(mask, np.uint8)
    outline[mask[0] // 4 : mask[0] // 2, mask[1] // 4 : mask[1] // 2] = 255
    if two_series:
        write_dicom(study / series[0] / "1-1.dcm", grey)
        write_dicom(study.with_name("07-20-2016-DDSM-NA-6") / series[1] / "1-1.dcm", outline)
    else:
        write_dicom(study / series[1] / f"{names[0]}.dcm", grey)
        write_dicom(study / series[1] / f"{names[1]}.dcm", outline)


def row_of(table: ExamTable, image: str) -> pd.Series:
    return table.images.set_index("image_id").loc[image]


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_a_row_is_a_view_of_a_breast(tmp_path: Path) -> None:
    table = cbis_ddsm(tmp_path).read()
    assert sorted(table.images["image_id"]) == sorted(TABLE_SEED)
    row = row_of(table, "P_00001_LEFT_MLO")
    assert (row["patient_id"], row["laterality"], row["view"], row["split"]) == (
        "P_00001",
        "L",
        "MLO",
        "train",
    )
    assert (row["label"], row["density"], row["birads"]) == (0, "C", "0")
    assert row["path"] == "CBIS-DDSM/Mass-Training_P_00001_LEFT_MLO"
    assert row_of(table, "P_00016_RIGHT_MLO")["laterality"] == "R"


def test_an_image_takes_the_worst_of_its_abnormalities(tmp_path: Path) -> None:
    row = row_of(cbis_ddsm(tmp_path).read(), "P_00001_LEFT_CC")
    assert (row["label"], row["birads"], row["meta_subtlety"], row["meta_abnormality"]) == (1, "4", 4, "both")


def test_findings_keep_every_abnormality(tmp_path: Path) -> None:
    findings = cbis_ddsm(tmp_path).read().findings
    assert len(findings) == 8
    found = findings[findings["image_id"] == "P_00001_LEFT_CC"].set_index("finding_id")
    assert found["kind"].to_dict() == {"P_00001_LEFT_CC_1": "mass", "P_00001_LEFT_CC_2": "calcification"}
    assert found["label"].tolist() == [1, 0]
    assert found["mask_path"].tolist() == [
        "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC_1",
        "CBIS-DDSM/Calc-Training_P_00001_LEFT_CC_2",
    ]


def test_zero_is_an_unknown_density_and_subtlety(tmp_path: Path) -> None:
    row = row_of(cbis_ddsm(tmp_path).read(), "P_00002_RIGHT_CC")
    assert pd.isna(row["density"])
    assert pd.isna(row["meta_subtlety"])


def test_an_image_of_both_sets_is_a_test_image_while_its_patient_stays_in_both(tmp_path: Path) -> None:
    table = cbis_ddsm(tmp_path).read()
    row = row_of(table, "P_00016_LEFT_CC")
    assert (row["split"], row["path"]) == ("test", "CBIS-DDSM/Mass-Test_P_00016_LEFT_CC")
    assert row_of(table, "P_00016_RIGHT_MLO")["split"] == "train"


def test_of_two_copies_of_a_view_one_on_disk_is_taken(tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path)
    assert row_of(reader.read(), "P_00001_LEFT_CC")["path"] == "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC"
    shutil.rmtree(tmp_path / "CBIS-DDSM" / "Mass-Training_P_00001_LEFT_CC")
    assert row_of(reader.read(), "P_00001_LEFT_CC")["path"] == "CBIS-DDSM/Calc-Training_P_00001_LEFT_CC"


@pytest.mark.parametrize(
    ("rule", "images", "findings"), [("benign", {0: 4, 1: 2}, 8), ("drop", {0: 2, 1: 2}, 6)]
)
def test_benign_without_callback_is_benign_or_left_out(
    rule: str, images: dict[int, int], findings: int, tmp_path: Path
) -> None:
    table = cbis_ddsm(tmp_path, images=False, without_callback=rule).read()
    assert table.images["label"].value_counts().to_dict() == images
    assert len(table.findings) == findings


@pytest.mark.parametrize("place", ["CBIS-DDSM", "."])
def test_images_and_masks_are_those_of_the_folders(place: str, tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path, place)
    table = reader.read()
    for row in table.images.itertuples():
        expected = np.random.default_rng(TABLE_SEED[row.image_id]).integers(0, 65535, SHAPE, dtype=np.uint16)
        pixels = reader.load(str(row.path), display=Display(window="none")).pixels
        np.testing.assert_array_equal(pixels, expected)
    for path in table.findings["mask_path"]:
        mask = reader.load_mask(path)
        assert mask[12:24, 8:16].all()
        assert mask.sum() == 12 * 8


def test_a_crop_is_a_row_with_its_own_label_in_the_split_of_its_image(tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path, crop="roi")
    table = reader.read()
    assert (len(table.images), len(table.findings)) == (8, 0)
    assert row_of(table, "P_00001_LEFT_CC_1")["label"] == 1
    assert row_of(table, "P_00001_LEFT_CC_2")["label"] == 0
    row = row_of(table, "P_00016_LEFT_CC_2")
    assert (row["split"], row["path"]) == ("test", "CBIS-DDSM/Calc-Training_P_00016_LEFT_CC_2")
    assert (row["birads"], row["meta_abnormality"]) == ("3", "calcification")
    assert {reader.load(path).pixels.shape for path in table.images["path"]} == {(12, 10)}


@pytest.mark.parametrize("two_series", [False, True])
@pytest.mark.parametrize("mask_first", [False, True])
@pytest.mark.parametrize(
    ("crop", "mask"),
    [((12, 10), (52, 36)), ((12, 10), (44, 28)), (SHAPE, SHAPE), ((48, 20), SHAPE), ((56, 20), SHAPE)],
)
def test_size_or_values_tell_the_mask_from_the_crop(
    crop: tuple[int, int], mask: tuple[int, int], mask_first: bool, two_series: bool, tmp_path: Path
) -> None:
    reader = cbis_ddsm(tmp_path, images=False)
    path = "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC_1"
    write_abnormality(tmp_path / path, two_series, crop, mask, mask_first)
    assert reader.load_mask(path).shape == mask
    assert 0 < reader.load_mask(path).mean() < 0.1
    assert reader.load(path, display=Display(window="none")).pixels.max() == 60000


def test_two_masks_are_refused_where_the_size_does_not_tell(tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path, images=False)
    folder = tmp_path / "CBIS-DDSM" / "Mass-Training_P_00001_LEFT_CC_1"
    for name in ("1-1.dcm", "1-2.dcm"):
        write_dicom(folder / name, np.eye(8, dtype=np.uint8))
    with pytest.raises(ImageError, match=r"expected a crop and a mask .* found two of the latter"):
        reader.load_mask(folder.relative_to(tmp_path).as_posix())


def test_without_images_the_tables_still_parse_to_the_expected_paths(tmp_path: Path) -> None:
    shown, absent = tmp_path / "shown", tmp_path / "absent"
    shown.mkdir()
    absent.mkdir()
    reader = cbis_ddsm(absent, images=False)
    assert reader.read().images.equals(cbis_ddsm(shown).read().images)
    path = reader.read().images["path"][0]
    assert reader.state(path) == "missing"
    with pytest.raises(ImageError, match="expected one DICOM file, the whole image, found 0"):
        reader.load(path)


def test_a_folder_with_a_file_too_many_or_too_few_is_refused(tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path)
    image, abnormality = (
        "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC",
        "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC_1",
    )
    write_dicom(tmp_path / image / "1-2.dcm", np.zeros((4, 4), np.uint8))
    next((tmp_path / abnormality).rglob("*.dcm")).unlink()
    with pytest.raises(ImageError, match=r"expected one DICOM file.* found 2"):
        reader.load(image)
    with pytest.raises(ImageError, match=r"expected two DICOM files.* found 1"):
        reader.load_mask(abnormality)


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path)
    path = "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC"
    (tmp_path / path / "._1-1.dcm").write_bytes(b"\0")
    assert reader.load(path).pixels.shape == SHAPE


def test_a_changed_file_changes_the_state_of_its_folder(tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path)
    path = "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC"
    before = reader.state(path)
    file = next((tmp_path / path).rglob("*.dcm"))
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert reader.state(path) != before
    assert reader.state("../elsewhere") == "missing"


@pytest.mark.parametrize("crop", ["none", "roi"])
def test_files_of_folders_that_no_row_is_about_are_unlisted(crop: str, tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path, crop=crop)
    assert reader.unlisted(reader.read()) == []
    write_dicom(tmp_path / "CBIS-DDSM" / "Mass-Test_P_00099_LEFT_CC" / "1-1.dcm", np.eye(4, dtype=np.uint8))
    assert reader.unlisted(reader.read()) == ["CBIS-DDSM/Mass-Test_P_00099_LEFT_CC/1-1.dcm"]


def test_a_path_outside_the_root_is_refused(tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path, images=False)
    for load in (reader.load, reader.load_mask):
        with pytest.raises(ImageError, match="one that leaves it"):
            load("../elsewhere")


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_table_is_named_with_the_layout(table: str, tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path, images=False)
    (tmp_path / table).unlink()
    with pytest.raises(UserError, match=f"expected {table} in .*Mass-Training_P_00001_LEFT_CC"):
        reader.read()


@pytest.mark.parametrize(
    ("column", "named"),
    [
        ("patient_id", "patient_id"),
        ("breast_density", "breast density"),
        ("pathology", "pathology"),
        ("image view", "image view"),
    ],
)
def test_a_missing_column_is_named(column: str, named: str, tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path, images=False)
    edit(tmp_path / MASS_TRAIN, column, "other")
    with pytest.raises(UserError, match=f"expected a column '{named}'"):
        reader.read()


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("MALIGNANT", "MALIGN", "pathology"),
        ("LEFT", "BOTH", "left or right breast"),
        (",CC,", ",ML,", "image view"),
        (",mass,", ",lump,", "abnormality type"),
        ("P_00001,3", "P_00001,7", "breast density"),
    ],
)
def test_a_row_of_an_unknown_code_is_refused_or_left_out(
    old: str, new: str, column: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = cbis_ddsm(tmp_path, images=False)
    edit(tmp_path / MASS_TRAIN, old, new)
    with pytest.raises(UserError, match=f"{column}: expected one of .*row 1 .*data.on_bad_row=skip"):
        reader.read()
    findings = CBISDDSM(tmp_path, on_bad_row="skip").read().findings
    assert len(findings) == 7
    assert "P_00001_LEFT_CC_1" not in set(findings["finding_id"])
    assert "left out" in caplog.text


@pytest.mark.parametrize("crop", ["none", "roi"])
def test_a_row_without_a_patient_is_refused_or_left_out(crop: str, tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path, images=False, crop=crop)
    edit(tmp_path / MASS_TRAIN, "P_00001,3,LEFT,MLO", ",3,LEFT,MLO")
    with pytest.raises(UserError, match="patient_id: expected a value, found nothing"):
        reader.read()
    images = CBISDDSM(tmp_path, on_bad_row="skip", crop=crop).read().images
    assert len(images) == (5 if crop == "none" else 7)


@pytest.mark.parametrize("crop", ["none", "roi"])
def test_a_repeated_abnormality_is_refused_or_left_out(crop: str, tmp_path: Path) -> None:
    reader = cbis_ddsm(tmp_path, images=False, crop=crop)
    prefix, rows = TABLES[MASS_TRAIN]
    write_table(tmp_path / MASS_TRAIN, prefix, [*rows, rows[0]])
    with pytest.raises(UserError, match="finding_id: expected each in one row, found 'P_00001_LEFT_CC_1'"):
        reader.read()
    skipping = CBISDDSM(tmp_path, on_bad_row="skip", crop=crop).read()
    assert len(skipping.images) == (6 if crop == "none" else 8)


def test_unknown_choices_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.crop to be one of none, roi, found 'rio'"):
        CBISDDSM(tmp_path, crop="rio")
    with pytest.raises(UserError, match=r"data\.without_callback to be one of benign, drop"):
        CBISDDSM(tmp_path, without_callback="malignant")
    with pytest.raises(UserError, match=r"data\.on_bad_row"):
        CBISDDSM(tmp_path, on_bad_row="ignore")


def real(**arguments: Any) -> ExamTable:
    root = Path(os.environ.get("BCDL_TEST_DATA", "../shared/data")) / "cbis_ddsm"
    if not root.is_dir():
        pytest.skip(f"real data: no folder {root} (set BCDL_TEST_DATA)")
    return CBISDDSM(root, **arguments).read()


def test_the_real_tables_have_the_published_counts() -> None:
    table = real()
    assert (len(table.findings), len(table.images), table.images["patient_id"].nunique()) == (
        3568,
        3032,
        1566,
    )
    labels = table.findings.groupby("image_id")["label"]
    assert (int((labels.size() > 1).sum()), int((labels.nunique() > 1).sum())) == (334, 33)
    counts = table.images.groupby(["split", "label"]).size().to_dict()
    assert counts == {("train", 0): 1311, ("train", 1): 1080, ("test", 0): 374, ("test", 1): 267}
    assert len(real(crop="roi").images) == 3568


def test_the_real_patients_and_images_of_both_sets_are_the_known_ones() -> None:
    table = real()
    sets = table.findings["mask_path"].str.extract("-(Training|Test)_", expand=False)
    patients = table.findings["image_id"].str.slice(stop=7)
    assert int((sets.groupby(patients).nunique() == 2).sum()) == 31
    split = sets.groupby(table.findings["image_id"]).nunique()
    both = split.index[split == 2]
    assert len(both) == 29
    assert set(table.images.set_index("image_id").loc[both, "split"]) == {"test"}
    left = table.images.groupby("patient_id")["split"].nunique()
    assert int((left == 2).sum()) == 22


def test_crops_do_not_go_with_a_search_for_the_breast(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"imaging\.crop=none with data\.crop=roi, found breast.*imaging=default"
    ):
        cbis_ddsm(tmp_path, crop="roi", imaging_crop="breast")
