from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers.mini_mias import MiniMIAS
from bcdl.errors import UserError

PROSE = """\
INFORMATION:

This file lists the films in the MIAS database and provides
appropriate details as follows:

1st column: MIAS database reference number.
2nd column: Character of background tissue: F, G, D
4th column: Severity of abnormality; B - Benign, M - Malignant

REFNUM BG CLASS SEVERITY X Y RADIUS
"""
LINES = (
    "mdb001 G CIRC B 535 425 197",
    "mdb002 G CIRC B 522 280 69",
    "mdb003 D NORM",
    "mdb004 D NORM ",
    "mdb005 F CIRC B 477 133 30",
    "mdb005 F SPIC M 1000 1010 50",
    "mdb059 F CALC B *NOTE 3*",
    "mdb216 D CALC M",
)


def mini_mias(
    folder: Path,
    lines: Sequence[str] = LINES,
    table: str = "Info.txt",
    prose: str = PROSE,
    images: str = "",
    **arguments: str,
) -> MiniMIAS:
    """Write a table of six images, four of which have a file too, below the folder `images`."""
    (folder / table).write_text(prose + "\n".join(lines) + "\n")
    (folder / images).mkdir(exist_ok=True)
    for name in ("mdb001", "mdb002", "mdb003", "mdb004"):
        cv2.imwrite(str(folder / images / f"{name}.pgm"), np.full((1024, 1024), 7, np.uint8))
    return MiniMIAS(folder, **arguments)


def by_image(frame: pd.DataFrame, column: str) -> dict[str, object]:
    return dict(zip(frame["image_id"], frame[column], strict=True))


@pytest.mark.parametrize(("table", "prose"), [("Info.txt", PROSE), ("labels.txt", ""), ("labels_2.txt", "")])
def test_an_image_takes_the_worst_label_of_its_lines(table: str, prose: str, tmp_path: Path) -> None:
    images = mini_mias(tmp_path, table=table, prose=prose).read().images
    assert by_image(images, "label") == {
        "mdb001": 0,
        "mdb002": 0,
        "mdb003": 0,
        "mdb004": 0,
        "mdb005": 1,
        "mdb059": 0,
        "mdb216": 1,
    }


def test_pairs_are_patients_and_odd_numbers_right_breasts(tmp_path: Path) -> None:
    images = mini_mias(tmp_path).read().images
    assert images["patient_id"].tolist() == [*["mdb001"] * 2, *["mdb003"] * 2, "mdb005", "mdb059", "mdb215"]
    assert images["exam_id"].tolist() == images["patient_id"].tolist()
    assert images["laterality"].tolist() == ["R", "L", "R", "L", "R", "R", "L"]
    assert set(images["view"]) == {"MLO"}
    assert set(images["split"]) == {"NA"}


def test_the_background_is_no_density_and_a_pixel_is_a_fifth_of_a_millimetre(tmp_path: Path) -> None:
    images = mini_mias(tmp_path).read().images
    assert images["meta_background"].tolist() == ["G", "G", "D", "D", "F", "F", "D"]
    assert images["density"].isna().all()
    assert set(images["pixel_spacing"]) == {0.2}


def test_circles_are_boxes_from_the_bottom_left_cut_off_at_the_edge(tmp_path: Path) -> None:
    findings = mini_mias(tmp_path).read().findings.set_index("finding_id")
    boxes = findings[["x0", "y0", "x1", "y1"]]
    assert boxes.loc["mdb001#0"].tolist() == [535 - 197, 599 - 197, 535 + 197, 599 + 197]
    assert boxes.loc["mdb005#0"].tolist() == [447, 861, 507, 921]
    assert boxes.loc["mdb005#1"].tolist() == [950, 0, 1024, 64]


def test_an_abnormality_is_a_finding_with_its_own_kind_and_label(tmp_path: Path) -> None:
    findings = mini_mias(tmp_path).read().findings
    spiculated = findings[findings["image_id"] == "mdb005"]
    assert spiculated["kind"].tolist() == ["circumscribed_mass", "spiculated_mass"]
    assert spiculated["label"].tolist() == [0, 1]
    assert set(findings["image_id"]) == {"mdb001", "mdb002", "mdb005", "mdb059", "mdb216"}


def test_findings_without_a_circle_have_no_box(tmp_path: Path) -> None:
    findings = mini_mias(tmp_path).read().findings
    spread = findings[findings["image_id"].isin(["mdb059", "mdb216"])]
    assert spread["kind"].tolist() == ["calcification"] * 2
    assert spread[["x0", "y0", "x1", "y1"]].isna().all(axis=None)


def test_normal_breasts_count_as_asked(tmp_path: Path) -> None:
    unlabelled = mini_mias(tmp_path, normal="unlabelled").read().images
    dropped = mini_mias(tmp_path, normal="drop").read().images
    assert unlabelled.set_index("image_id")["label"].isna().sum() == 2
    assert by_image(unlabelled, "label")["mdb003"] is pd.NA
    assert set(unlabelled["image_id"]) - set(dropped["image_id"]) == {"mdb003", "mdb004"}
    with pytest.raises(UserError, match=r"data\.normal"):
        MiniMIAS(tmp_path, normal="malignant")


def test_rows_stay_without_their_images(tmp_path: Path) -> None:
    reader = mini_mias(tmp_path)
    images = reader.read().images
    assert by_image(images, "path")["mdb216"] == "mdb216.pgm"
    assert not reader.file("mdb216.pgm").exists()
    assert reader.load("mdb001.pgm").pixels.shape == (1024, 1024)


def test_images_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    reader = mini_mias(tmp_path, images="all-mias")
    assert reader.load(reader.read().images["path"][0]).pixels[0, 0] == 7


def test_a_missing_table_is_named_with_the_layout(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected Info\.txt in .*labels\*\.txt"):
        MiniMIAS(tmp_path).read()


def test_a_table_without_lines_of_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Info\.txt: expected lines such as 'mdb001 .* found none"):
        mini_mias(tmp_path, lines=()).read()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mdb007 G", "found 'mdb007 G' in line 19"),
        ("mdb007 G CIRC B 535 425", "image, background, class, severity, x, y, radius.* found 'mdb007 G"),
        ("mdb007 X NORM", "background: expected one of F, G, D, found 'X' in row 9"),
        ("mdb007 G BLOB B 535 425 197", "kind: expected one of CALC, .* found 'BLOB'"),
        ("mdb007 G CIRC Q 535 425 197", "severity: expected one of B, M, NORM, found 'Q'"),
        ("mdb007 G CIRC", "severity: expected one of B, M, NORM, found nothing"),
        ("mdb007 G CIRC B 1200 425 20", "x1: expected more than x0"),
    ],
)
def test_a_line_in_another_form_is_named_or_left_out(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as error:
        mini_mias(tmp_path, (*LINES, line)).read()
    assert "data.on_bad_row=skip" in str(error.value)
    table = mini_mias(tmp_path, (*LINES, line), on_bad_row="skip").read()
    assert table.findings.equals(mini_mias(tmp_path).read().findings)


def test_a_line_left_out_is_said_to_be(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images = mini_mias(tmp_path, (*LINES, "mdb007 G"), on_bad_row="skip").read().images
    assert "mdb007" not in set(images["image_id"])
    assert "left out" in caplog.text
