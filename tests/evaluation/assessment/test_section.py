"""A further section stands on the page, and its tables and pictures are written with the others."""

import pandas as pd

from bcdl.evaluation.assessment import Section, Settings, assess, written


def test_a_section_is_shown_and_its_tables_and_pictures_are_written(table: pd.DataFrame) -> None:
    settings = Settings(draws=20)
    shifts = pd.DataFrame({"shift_name": ["blur <1>"], "auroc": [0.12345], "n": [1200]})
    section = Section("Shifts", "How they were made.", {"shifts.csv": shifts}, {"figures/shifts.png": b"png"})
    files = written(
        assess(table, "image", settings),
        settings,
        title="A report",
        classes=("benign", "malignant"),
        figures=False,
        sections=[section],
    )
    page = files.texts["report.html"]
    assert "<h2>Shifts</h2>" in page
    assert "<th>shift name</th>" in page
    assert "<td>blur &lt;1&gt;</td><td>0.123</td><td>1,200</td>" in page
    assert 'src="data:image/png;base64,cG5n"' in page
    assert files.pictures == {"figures/shifts.png": b"png"}
    pd.testing.assert_frame_equal(files.tables["shifts.csv"], shifts)
